//! `wasi:sockets`: sockets for granted addresses, and addresses of granted names.

use lattice_config::app::Use;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, Network,
};
use wasmtime_wasi::p2::bindings::sockets::{
    ip_name_lookup, network, tcp_create_socket, udp_create_socket,
};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup as p3_lookup;
use wasmtime_wasi::p3::bindings::sockets::types::IpAddress as P3Address;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};

use super::Guest;
use ip_name_lookup::ResolveAddressStream;

pub(super) fn define(linker: &mut Linker<Guest>, concurrent: bool) -> wasmtime::Result<()> {
    tcp_create_socket::add_to_linker::<_, Sockets>(linker, |guest| guest)?;
    udp_create_socket::add_to_linker::<_, Sockets>(linker, |guest| guest)?;
    ip_name_lookup::add_to_linker::<_, Sockets>(linker, |guest| guest)?;
    if concurrent {
        p3_lookup::add_to_linker::<_, Sockets>(linker, |guest| guest)?;
    }
    Ok(())
}

struct Sockets;

impl HasData for Sockets {
    type Data<'a> = &'a mut Guest;
}

impl Guest {
    /// Says what to write if no socket of these uses is granted. What was granted is looked at by
    /// address, and what wasn't ends here.
    fn say_unless_granted(&self, uses: [Use; 2]) {
        if !self.granted().may_use(uses) {
            let [wanted, _] = uses;
            let line = format!("sockets = [\"{wanted}:ADDRESS:PORT\"]");
            self.granted()
                .refuse(self.output(), &format!("a {wanted} socket"), &line);
        }
    }

    fn may_look_up(&self, name: &str) -> bool {
        self.granted().may_look_up(name, self.output())
    }
}

/// What wasmtime asks of whoever answers a part of the interface.
impl network::Host for Guest {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.sockets(), error)
    }
}

impl network::HostNetwork for Guest {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl tcp_create_socket::Host for Guest {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.say_unless_granted([Use::Tcp, Use::TcpListen]);
        tcp_create_socket::Host::create_tcp_socket(&mut self.sockets(), family)
    }
}

impl udp_create_socket::Host for Guest {
    async fn create_udp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        self.say_unless_granted([Use::Udp, Use::UdpListen]);
        udp_create_socket::Host::create_udp_socket(&mut self.sockets(), family).await
    }
}

impl ip_name_lookup::Host for Guest {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        if !self.may_look_up(&name) {
            return Err(ErrorCode::PermanentResolverFailure.into());
        }
        ip_name_lookup::Host::resolve_addresses(&mut self.sockets(), network, name)
    }
}

impl ip_name_lookup::HostResolveAddressStream for Guest {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        ip_name_lookup::HostResolveAddressStream::resolve_next_address(&mut self.sockets(), stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        ip_name_lookup::HostResolveAddressStream::subscribe(&mut self.sockets(), stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.sockets(), stream)
    }
}

impl p3_lookup::Host for Guest {}

impl p3_lookup::HostWithStore<Guest> for Sockets {
    async fn resolve_addresses(
        accessor: &Accessor<Guest, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<P3Address>, p3_lookup::ErrorCode>> {
        if !accessor.with(|mut access| access.get().may_look_up(&name)) {
            return Ok(Err(p3_lookup::ErrorCode::AccessDenied));
        }
        let sockets = accessor.with_getter::<WasiSockets>(Guest::sockets);
        <WasiSockets as p3_lookup::HostWithStore<Guest>>::resolve_addresses(&sockets, name).await
    }
}
