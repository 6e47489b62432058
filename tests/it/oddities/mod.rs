//! What is odd, point by point: words that are told twice, late or in the wrong order, that are enormous or forged, and that
//! are said where nobody can be answered or where things are closed, gone or have another name by then.

mod away;
mod buttons;
mod checks;
mod edits;
mod gates;
mod limits;
mod orders;
mod reach;
mod schedules;
mod undo;

use github_stand_in::{
    faults::{DeliveryFault, DeliveryFaultKind},
    store::Role,
};
use scripted_model::Scene;

use crate::orders::stage::Stage;

const READY: &str = "The plan is ready for approval";

/// A stage on which maria owns the repository.
async fn owned(policy: &str, scenes: Vec<Scene>) -> Stage {
    let stage = Stage::set(policy, scenes).await;
    stage.world.hub().control().set_role(stage.repo.full_name(), "maria", Role::Admin).unwrap();
    stage
}

impl Stage {
    /// The next delivery of this event comes twice.
    fn next_comes_twice(&self, event: &str) {
        let fault = DeliveryFault { event: Some(event.to_owned()), kind: DeliveryFaultKind::Duplicate, times: 1 };
        self.world.hub().control().add_delivery_fault(fault);
    }

    /// The next delivery of this event comes after the one behind it.
    fn next_comes_late(&self, event: &str) {
        let kind = DeliveryFaultKind::Reorder { behind: 1 };
        let fault = DeliveryFault { event: Some(event.to_owned()), kind, times: 1 };
        self.world.hub().control().add_delivery_fault(fault);
    }

    /// The newest delivery of an event.
    fn newest(&self, event: &str) -> u64 {
        let deliveries = self.world.hub().control().deliveries();
        deliveries.into_iter().rfind(|delivery| delivery.event == event).unwrap().id
    }

    /// Somebody presses "Redeliver", and wiz has taken it.
    async fn told_again(&self, delivery: u64) {
        self.world.hub().control().redeliver(delivery).unwrap();
        self.quiet().await;
    }

    /// maria gives the repository another name.
    fn renamed(&mut self, name: &str) {
        let owner = self.repo.full_name().split('/').next().unwrap().to_owned();
        self.person("maria").rename_repository(self.repo.full_name(), name).unwrap();
        self.is_called(&format!("{owner}/{name}"));
    }
}
