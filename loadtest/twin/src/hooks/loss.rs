//! What goes wrong with deliveries: lost, failed, doubled, delayed and out of order, each by a probability and all
//! by one seed, so that a run can be had again. Nothing here sends anything.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// How often what goes wrong; probabilities from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loss {
    /// What the dice begin with.
    pub seed: u64,
    /// Neither sent nor found in the log: nobody will ever know of it.
    pub lost: f64,
    /// Not sent, and logged as "failed to connect".
    pub failed: f64,
    /// Sent twice.
    pub doubled: f64,
    /// Sent later.
    pub delayed: f64,
    /// How much later, in milliseconds.
    pub delay_ms: u64,
    /// Held back until others that happened later have been sent.
    pub shuffled: f64,
}

/// What becomes of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent at once.
    Sent,
    /// Never sent, nor logged.
    Lost,
    /// Never sent, but logged.
    Failed,
    /// Sent after so many milliseconds.
    Later(u64),
    /// Sent after others.
    Held,
}

/// Chance.
#[derive(Debug)]
pub struct Dice {
    /// What goes wrong.
    pub loss: Loss,
    random: StdRng,
}

impl Dice {
    /// The dice of a loss, from its seed.
    pub fn new(loss: Loss) -> Self {
        let random = StdRng::seed_from_u64(loss.seed);
        Self { loss, random }
    }

    /// The fate of each copy of the next delivery.
    pub fn roll(&mut self) -> Vec<Fate> {
        let copies = if self.happens(self.loss.doubled) { 2 } else { 1 };
        (0..copies).map(|_| self.fate()).collect()
    }

    fn fate(&mut self) -> Fate {
        if self.happens(self.loss.lost) {
            Fate::Lost
        } else if self.happens(self.loss.failed) {
            Fate::Failed
        } else if self.happens(self.loss.shuffled) {
            Fate::Held
        } else if self.happens(self.loss.delayed) {
            Fate::Later(self.loss.delay_ms)
        } else {
            Fate::Sent
        }
    }

    /// Takes one of so many out of its turn.
    pub fn one_of(&mut self, many: usize) -> usize {
        if many < 2 { 0 } else { self.random.random_range(0..many) }
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.random.random::<f64>() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_luck() {
        let loss = Loss { seed: 7, lost: 0.2, failed: 0.1, doubled: 0.2, shuffled: 0.3, ..Loss::default() };
        let run = || {
            let mut dice = Dice::new(loss.clone());
            (0..500).map(|_| dice.roll()).collect::<Vec<_>>()
        };
        let fates = run();
        assert_eq!(fates, run());
        let many = |wanted: Fate| fates.iter().flatten().filter(|fate| **fate == wanted).count();
        assert!((80..170).contains(&many(Fate::Lost)), "{}", many(Fate::Lost));
        assert!(many(Fate::Failed) > 20 && many(Fate::Held) > 60);
        assert!((60..140).contains(&fates.iter().filter(|copies| copies.len() == 2).count()));
        let mut healthy = Dice::new(Loss::default());
        assert!((0..100).all(|_| healthy.roll() == [Fate::Sent]));
    }
}
