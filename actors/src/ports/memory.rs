//! In-memory ports that keep the real rules, for tests of the actors and as the second implementation under
//! every contract suite.
