//! What the measurements share. Deliberately absent: the measurements (`src/main.rs` for ratios, `micro` for criterion's).

pub mod api;
pub mod stage;
