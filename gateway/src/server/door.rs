//! Who gets a connection: so many in all, so many from one address, and, where callers have keys, only some of them before they
//! have shown one.

use super::counters::ServerCounters;
use super::options::ServerOptions;
use dashmap::DashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The table of connections over all threads.
pub(super) struct Door {
    connections_max: usize,
    connections_per_address: Option<usize>,
    strangers_max: Option<usize>,
    counters: Arc<ServerCounters>,
    of_address: DashMap<IpAddr, usize>,
    /// Connections on which no known caller has asked for anything yet.
    strangers: AtomicUsize,
}

/// What a newcomer is told.
pub(super) enum Entry {
    Welcome(Place),
    /// Only if a stranger leaves: then the newcomer has this place.
    InsteadOfAStranger(Place),
    TurnedAway,
}

impl Door {
    pub(super) fn new(options: &ServerOptions, counters: Arc<ServerCounters>) -> Arc<Door> {
        Arc::new(Door {
            connections_max: options.connections_max,
            connections_per_address: options.connections_per_address,
            strangers_max: options.strangers_max,
            counters,
            of_address: DashMap::new(),
            strangers: AtomicUsize::new(0),
        })
    }

    /// Counts a newcomer.
    pub(super) fn enter(self: &Arc<Door>, from: IpAddr) -> Entry {
        let Some(place) = self.place(from) else {
            self.counters.turned_away_address.fetch_add(1, Ordering::Relaxed);
            return Entry::TurnedAway;
        };
        let connections = self.counters.connections.load(Ordering::Relaxed);
        let strangers = self.strangers.load(Ordering::Relaxed);
        match self.strangers_max {
            None if connections <= self.connections_max => Entry::Welcome(place),
            None => {
                self.count_turned_away();
                Entry::TurnedAway
            }
            Some(max) if connections <= self.connections_max && strangers <= max => Entry::Welcome(place),
            Some(_) => Entry::InsteadOfAStranger(place),
        }
    }

    /// Nobody left for the newcomer.
    pub(super) fn count_turned_away(&self) {
        self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    fn place(self: &Arc<Door>, from: IpAddr) -> Option<Place> {
        let address = self.connections_per_address.map(|_| block_of(from));
        if let (Some(address), Some(max)) = (address, self.connections_per_address) {
            let mut count = self.of_address.entry(address).or_insert(0);
            if *count >= max {
                return None;
            }
            *count += 1;
        }
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        self.strangers.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            door: self.clone(),
            address,
            is_known: false,
        })
    }
}

/// A connection's place; dropped, it is free again.
pub(super) struct Place {
    door: Arc<Door>,
    /// Set when connections are counted by address.
    address: Option<IpAddr>,
    is_known: bool,
}

impl Place {
    /// A known caller has asked for something.
    pub(super) fn become_known(&mut self) {
        if !std::mem::replace(&mut self.is_known, true) {
            self.door.strangers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.become_known();
        self.door.counters.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.door.of_address.remove_if_mut(&address, |_, count| {
                *count -= 1;
                *count == 0
            });
        }
    }
}

/// The part of an address that one party has: of IPv6, the first 64 bits.
fn block_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(options: ServerOptions) -> Arc<Door> {
        Door::new(&options, Arc::default())
    }

    fn from(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[track_caller]
    fn welcome(entry: Entry) -> Place {
        match entry {
            Entry::Welcome(place) => place,
            Entry::InsteadOfAStranger(_) | Entry::TurnedAway => panic!("not welcome"),
        }
    }

    #[test]
    fn an_address_has_so_many_and_others_are_not_kept_out_by_it() {
        let door = door(ServerOptions {
            connections_per_address: Some(2),
            ..ServerOptions::default()
        });
        let first = welcome(door.enter(from("10.0.0.1")));
        let _second = welcome(door.enter(from("::ffff:10.0.0.1")));
        assert!(matches!(door.enter(from("10.0.0.1")), Entry::TurnedAway));
        let _other = welcome(door.enter(from("10.0.0.2")));
        drop(first);
        let _again = welcome(door.enter(from("10.0.0.1")));
        assert_eq!(door.counters.connections.load(Ordering::Relaxed), 3);
        assert_eq!(door.counters.turned_away_address.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let door = door(ServerOptions {
            connections_per_address: Some(1),
            ..ServerOptions::default()
        });
        let first = welcome(door.enter(from("2001:db8:1:2::1")));
        assert!(matches!(
            door.enter(from("2001:db8:1:2:ffff::9")),
            Entry::TurnedAway
        ));
        let _other = welcome(door.enter(from("2001:db8:1:3::1")));
        drop(first);
        assert_eq!(door.of_address.len(), 1);
    }

    #[test]
    fn strangers_leave_room_for_known_callers() {
        let door = door(ServerOptions {
            connections_max: 3,
            strangers_max: Some(1),
            ..ServerOptions::default()
        });
        let mut known = welcome(door.enter(from("10.0.0.1")));
        known.become_known();
        let _stranger = welcome(door.enter(from("10.0.0.1")));
        // The third place is not one for a second stranger, but for the one that takes the first one's.
        let Entry::InsteadOfAStranger(mut third) = door.enter(from("10.0.0.1")) else {
            panic!("two strangers");
        };
        third.become_known();
        drop(third);
        assert_eq!(door.strangers.load(Ordering::Relaxed), 1);
    }
}
