//! Reading many pull requests of the in-memory code host at once: all of them get no answer, or each its own.
//!
//! Deliberately absent: what a read shows of one (`world`).

use super::{
    Call, MemoryCodeHost, Operation, World,
    faults::{self, FaultEffect},
};
use crate::ports::CodeHostError;
use campaigns_domain::publish::Reading;
use tokio::time::Instant;

impl MemoryCodeHost {
    /// What is read of these, in their order.
    pub(super) fn readings(
        &self,
        owner: &str,
        node_ids: &[String],
    ) -> Result<Vec<Result<Reading, CodeHostError>>, CodeHostError> {
        let mut world = self.lock();
        let World { repositories, faults, calls, most_read, .. } = &mut *world;
        let refusal = match faults::strike(faults, Operation::ReadPullRequests, None) {
            Some(FaultEffect::Refuse(error)) => Some(error),
            Some(_) => Some(CodeHostError::Unavailable("the answer was lost".to_owned())),
            None if most_read.is_some_and(|most| node_ids.len() > most) => {
                Some(CodeHostError::Unavailable("no answer within 10 s".to_owned()))
            }
            None => None,
        };
        let done = refusal.is_none();
        calls.push(Call {
            operation: Operation::ReadPullRequests,
            of: owner.to_owned(),
            done,
            at: Instant::now(),
        });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let mut one = |node: &String| {
            let mut open = repositories.values().filter(|found| !found.closed);
            let found = open.find_map(|found| Some((found, found.reading(node)?)));
            let Some((repository, reading)) = found else {
                return Err(CodeHostError::NotFound(format!("the node {node}")));
            };
            let name = repository.name.name();
            match faults::strike_one(faults, Operation::ReadPullRequests, name) {
                Some(FaultEffect::Refuse(error)) => Err(error),
                Some(_) => Err(CodeHostError::Unavailable("a part of the answer was lost".to_owned())),
                None => Ok(reading),
            }
        };
        Ok(node_ids.iter().map(&mut one).collect())
    }
}
