//! What can be asked, by name: of a lattice, and of one host. Each with its request and its value,
//! which are types of this module.

use crate::words::words;

words! {
    /// What can be asked of a lattice.
    Verb {
        /// Declares an app: `AppApply` → `Applied`.
        AppApply = "app.apply",
        /// What an apply would change: `AppApply` → a list of `Change`.
        AppDiff = "app.diff",
        /// Removes an app and stops what it declared: `ByApp` → `Applied`.
        AppDelete = "app.delete",
        /// Every app: `Nothing` → a list of `AppSummary`.
        AppList = "app.list",
        /// An app's revisions, newest first: `ByApp` → a list of `AppRevision`.
        AppHistory = "app.history",
        /// An app as its manifest: `ByApp` → `AppExport`.
        AppExport = "app.export",
        /// Goes back to an earlier revision: `AppRollback` → `Applied`.
        AppRollback = "app.rollback",
        /// Declares one actor without a manifest: `ActorStart` → `Applied`.
        ActorStart = "actor.start",
        /// How many instances over the whole lattice: `ActorScale` → `Applied`.
        ActorScale = "actor.scale",
        /// A new revision: `ActorUpdate` → `Applied`.
        ActorUpdate = "actor.update",
        /// Removes an actor: `ByActor` → `Applied`.
        ActorStop = "actor.stop",
        /// Every actor: `Nothing` → a list of `ActorSummary`.
        ActorList = "actor.list",
        /// An actor's WIT and endpoints: `ByActor` → `ActorDetail`.
        ActorInspect = "actor.inspect",
        /// Declares a link: `LinkPut` → `Applied`.
        LinkPut = "link.put",
        /// Removes a link: `LinkDelete` → `Applied`.
        LinkDelete = "link.delete",
        /// Every link: `Nothing` → a list of `LinkSummary`.
        LinkList = "link.list",
        /// Sets a named config: `ConfigPut` → `NamedConfig`.
        ConfigPut = "config.put",
        /// Reads a named config: `ByConfig` → `NamedConfig`.
        ConfigGet = "config.get",
        /// Removes a named config: `ByConfig` → `NamedConfig`.
        ConfigDelete = "config.delete",
        /// Every named config: `Nothing` → a list of `ConfigSummary`.
        ConfigList = "config.list",
        /// Declares a provider: `ProviderStart` → `Applied`.
        ProviderStart = "provider.start",
        /// Removes a provider: `ByProvider` → `Applied`.
        ProviderStop = "provider.stop",
        /// Every provider: `Nothing` → a list of `ProviderSummary`.
        ProviderList = "provider.list",
        /// What is declared for a provider: `ProviderNamed` → `ProviderSettings`.
        ProviderSettings = "provider.settings",
        /// The components stored in the lattice: `Nothing` → a list of `ArtifactSummary`.
        ArtifactList = "artifact.list",
        /// Removes a component that nothing declares: `ByDigest` → `ArtifactDeleted`.
        ArtifactDelete = "artifact.delete",
        /// Removes the components that nothing refers to: `ArtifactCollect` → `ArtifactsCollected`.
        ArtifactCollect = "artifact.collect",
        /// Who changed what, newest first: `AuditList` → a list of `AuditEntry`.
        AuditList = "audit.list",
        /// Every host: `Nothing` → a list of `HostSummary`.
        HostList = "host.list",
    }
}

impl Verb {
    /// Whether it changes something; what only reads may be asked again when no answer comes.
    pub const fn changes(self) -> bool {
        !matches!(
            self,
            Self::AppDiff
                | Self::AppList
                | Self::AppHistory
                | Self::AppExport
                | Self::ActorList
                | Self::ActorInspect
                | Self::LinkList
                | Self::ConfigGet
                | Self::ConfigList
                | Self::ProviderList
                | Self::ProviderSettings
                | Self::ArtifactList
                | Self::AuditList
                | Self::HostList
        )
    }
}

words! {
    /// What can be asked of one host, on `lattice.<L>.host.<host>.ctl.<verb>`.
    HostVerb {
        /// Answers at once: `Nothing` → `HostAnswer`.
        Ping = "ping",
        /// What runs there: `Nothing` → `Report`.
        Inventory = "inventory",
        /// Says all of its report in its next heartbeat, to everybody: `Nothing` → `HostAnswer`.
        Report = "report",
        /// One actor that runs there: `ByActor` → `ActorDetail`.
        Inspect = "inspect",
        /// Gives its work to others, then stops: `Nothing` → `HostAnswer`.
        Drain = "drain",
        /// Stops: `Nothing` → `HostAnswer`.
        Stop = "stop",
        /// Sets labels: `HostLabel` → `HostLabels`.
        Label = "label",
    }
}

impl HostVerb {
    /// Whether it changes something.
    pub const fn changes(self) -> bool {
        matches!(self, Self::Drain | Self::Stop | Self::Label)
    }
}
