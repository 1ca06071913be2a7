//! Budgets: how many content-creating writes fit into sliding windows.
//!
//! GitHub documents about 80 content-creating requests a minute and 500 an hour (REST rate limits, "secondary
//! rate limits"); which writes count is not documented, so all of them do. Deliberately absent: counting, which
//! is the store's, by its clock.

use serde::{Deserialize, Serialize};

/// The windows that hold for one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Windows over every content-creating write.
    pub writes: Vec<Window>,
    /// Windows over opened pull requests alone.
    pub pull_requests: Vec<Window>,
}

/// At most `cap` in any `seconds` in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The window's length.
    pub seconds: u32,
    /// The most that fit.
    pub cap: u32,
}

impl Default for Budget {
    /// 80 writes a minute, 500 an hour, 150 pull requests a day.
    fn default() -> Self {
        Self {
            writes: vec![Window { seconds: 60, cap: 80 }, Window { seconds: 3600, cap: 500 }],
            pull_requests: vec![Window { seconds: 86_400, cap: 150 }],
        }
    }
}

impl Budget {
    /// No limits of our own, for a code host that has none.
    pub fn unlimited() -> Self {
        Self { writes: vec![], pull_requests: vec![] }
    }
}
