//! Promises about who wants no campaigns.

use super::{
    publishing::open,
    stage::{Stage, permit},
};
use crate::ports::{CodeHostError, ReadBudget, RepositoryRef, Wish, memory::SeedFile};
use campaigns_domain::{
    id::{RepositoryId, RepositoryName},
    selection::{OPT_OUT_FILE, OPT_OUT_LABEL, OPT_OUT_TOPIC, OptOut},
};

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn tells_who_opts_out(stage: &dyn Stage) {
    let (host, reads) = (stage.host(), ReadBudget::unlimited());
    let plain = stage.repository("opts-in", &[SeedFile::new("a", "1")]).await;
    let file = SeedFile::new(OPT_OUT_FILE, "optOut: [some]\n");
    let by_file = stage.repository("opts-out", &[file]).await;
    let empty = stage.repository("opts-empty", &[]).await;
    let absent = RepositoryName::new(&stage.owner(), "opts-absent").expect("a name");
    let absent = RepositoryRef { id: RepositoryId(4_000_000_001), name: absent };
    // Another repository has the name by now: what that one says is not asked for.
    let replaced = RepositoryRef { id: absent.id, name: plain.name.clone() };
    let names = [plain.clone(), absent, by_file, empty, replaced];
    let said = host.opt_outs(&stage.owner(), &names, &reads).await.expect("it answers");
    let file = Some("optOut: [some]\n".to_owned());
    let wish = |of: &RepositoryRef, says| Ok(Wish { says, name: of.name.clone() });
    assert_eq!(said[0], wish(&plain, OptOut::default()));
    assert!(matches!(said[1], Err(CodeHostError::NotFound(_))), "{said:?}");
    assert_eq!(said[2], wish(&names[2], OptOut { file, ..OptOut::default() }));
    assert_eq!((said.len(), &said[3]), (5, &wish(&names[3], OptOut::default())));
    assert!(matches!(said[4], Err(CodeHostError::NotFound(_))), "{said:?}");
    // A label that is put on a pull request is one of its repository.
    let (pull, _) = open(stage, &plain, "ours").await;
    let label = [OPT_OUT_LABEL.to_owned()];
    host.add_labels(&plain, pull.reference.number, &label, permit()).await.expect("a label");
    let said = host.opt_outs(&stage.owner(), &names[..1], &reads).await.expect("it answers");
    assert_eq!(said, [wish(&plain, OptOut { label: true, ..OptOut::default() })]);
    stage.add_topic(&plain, OPT_OUT_TOPIC).await;
    let said = host.opt_outs(&stage.owner(), &names[..1], &reads).await.expect("it answers");
    assert_eq!(said, [wish(&plain, OptOut { label: true, topic: true, ..OptOut::default() })]);
    // A name that was left leads to what is there by now.
    stage.rename(&plain, "opts-renamed").await;
    let said = host.opt_outs(&stage.owner(), &names[..1], &reads).await.expect("it answers");
    let name = RepositoryName::new(&stage.owner(), "opts-renamed").expect("a name");
    assert_eq!(said[0].as_ref().map(|said| &said.name), Ok(&name));
}
