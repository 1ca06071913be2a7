//! Contract suites: what every implementation of a port has to hold to, in memory or real.
