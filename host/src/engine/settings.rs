//! How wasmtime is set up, and why.

use std::time::Duration;

use tracing::warn;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::Error;

/// How often running guests are looked at: a call past its deadline ends within two of these, and a
/// spinning guest gives its thread to others this often.
pub const TICK: Duration = Duration::from_millis(5);

/// A guest's call stack: deep enough for interpreters, small enough to have one for each instance.
const WASM_STACK_BYTES: usize = 1 << 20;
/// The stack of a call with the host functions it enters.
const ASYNC_STACK_BYTES: usize = 2 << 20;
/// What stays mapped of a used memory, zeroed: giving pages back costs more than clearing them. A
/// Rust guest touches a little over one MiB.
const MEMORY_KEEP_RESIDENT: usize = 2 << 20;
/// The same for tables and stacks.
const TABLE_KEEP_RESIDENT: usize = 64 << 10;
const STACK_KEEP_RESIDENT: usize = 64 << 10;
/// How many unused slots stay warm: bounds what a burst leaves behind.
const WARM_SLOTS_MAX: u32 = 64;
/// A 32-bit memory's most; what an actor may really use is its `memory_mib`.
const MEMORY_BYTES_MAX: usize = 4 << 30;
/// The most elements of a table; what an actor may really use is its `table_elements`.
const TABLE_ELEMENTS_MAX: usize = 1_000_000;
/// Core instances of a component: a composed one has a handful for each part.
const CORE_INSTANCES_PER_COMPONENT: u32 = 8;
/// Memories and tables of a component, on average.
const MEMORIES_PER_COMPONENT: u32 = 2;
const TABLES_PER_COMPONENT: u32 = 4;

/// Of so many instances that may be busy, one may be idle and waiting for its next call: the pool has
/// room for these beside the busy ones, so that nobody's idle instances keep others from theirs.
const BUSY_PER_IDLE: u32 = 4;

/// How many calls an instance serves at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// One: that makes each a third cheaper.
    One,
    /// Several, as a component with async functions wants.
    Several,
}

/// How many instances may be idle at once.
pub(super) fn idle_max(instances_max: u32) -> u32 {
    instances_max.div_ceil(BUSY_PER_IDLE)
}

/// The engine, with its instances in a pool if the machine has the address space for it.
pub(super) fn engine(instances_max: u32, calls: Calls) -> Result<wasmtime::Engine, Error> {
    let mut config = config(calls);
    let room = instances_max.saturating_add(idle_max(instances_max));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(room)));
    match wasmtime::Engine::new(&config) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            warn!(error = %format!("{error:#}"), "no pool of instances: calls will be slower");
            wasmtime::Engine::new(&self::config(calls)).map_err(|e| Error::Setup(format!("{e:#}")))
        }
    }
}

fn config(calls: Calls) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(ASYNC_STACK_BYTES)
        .concurrency_support(calls == Calls::Several)
        // Not `wasm_backtrace_details` by environment: what a trap says must not depend on it.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    config
}

fn pool(instances_max: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances_max)
        .total_core_instances(instances_max.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(instances_max.saturating_mul(MEMORIES_PER_COMPONENT))
        .total_tables(instances_max.saturating_mul(TABLES_PER_COMPONENT))
        .total_stacks(instances_max)
        .max_memory_size(MEMORY_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT)
        .max_unused_warm_slots(WARM_SLOTS_MAX)
        .pagemap_scan(Enabled::Auto);
    pool
}
