//! The actors of Campaigns and the ports they speak through: supervision, the loop of decide → record → act, and
//! nothing of any vendor.

pub mod ports;
