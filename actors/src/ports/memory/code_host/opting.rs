//! Who wants no campaigns in the in-memory code host.
//!
//! Deliberately absent: judging what the files say.

use super::{Call, MemoryCodeHost, Operation, Resource, faults::FaultEffect, faults::strike};
use crate::ports::{CodeHostError, Opting, ReadBudget, RepositoryRef, Wish};
use async_trait::async_trait;
use campaigns_domain::selection::{OPT_OUT_FILE, OPT_OUT_TOPIC, OptOut, opts_out};
use tokio::time::Instant;

#[async_trait]
impl Opting for MemoryCodeHost {
    async fn opt_outs(
        &self,
        owner: &str,
        repositories: &[RepositoryRef],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Wish, CodeHostError>>, CodeHostError> {
        let _reading = budget.spend(Resource::GraphQl, 1).await?;
        let mut world = self.lock();
        let fault = strike(&mut world.faults, Operation::OptOuts, None);
        let (of, done) = (owner.to_owned(), fault.is_none());
        world.calls.push(Call { operation: Operation::OptOuts, of, done, at: Instant::now() });
        match fault {
            Some(FaultEffect::Refuse(error)) => return Err(error),
            Some(_) => return Err(CodeHostError::Unavailable("the answer was lost".to_owned())),
            None => {}
        }
        let one = |RepositoryRef { id, name }: &RepositoryRef| {
            let found = world.repositories.get(id).filter(|found| !found.closed);
            let found = found.ok_or_else(|| CodeHostError::NotFound(format!("the repository {name}")))?;
            let tree = found.head(&found.default_branch).and_then(|head| found.trees.get(&head.tree));
            let blob = tree.and_then(|tree| tree.get(OPT_OUT_FILE)).and_then(|(_, id)| found.blobs.get(id));
            let says = OptOut {
                file: blob.map(|blob| String::from_utf8_lossy(blob).into_owned()),
                topic: found.topics.iter().any(|topic| topic == OPT_OUT_TOPIC),
                label: found.worn.iter().any(|worn| opts_out(&worn.labels)),
            };
            Ok(Wish { says, name: found.name.clone() })
        };
        Ok(repositories.iter().map(one).collect())
    }
}
