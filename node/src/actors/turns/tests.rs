use super::*;
use crate::shares::Origin;
use alloc::vec::Vec;
use basalt_net::keypair::Keypair;

fn peer(n: u8) -> PeerId {
    Keypair::from_seed([n; 32]).peer_id()
}

fn payer(author: u8, connection: u8) -> Payer {
    Payer::author(peer(author), origin(connection))
}

fn origin(connection: u8) -> Origin {
    let address = core::net::IpAddr::from([1, 1, 1, connection]);
    Origin::new(peer(connection), Some(address))
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

#[test]
fn one_with_more_than_its_share_waits_for_others_but_does_not_leave_the_core_idle() {
    let mut turns = Turns::default();
    let who = |id: ActorId| payer(id.0 as u8, id.0 as u8);
    let push = |turns: &mut Turns, id: u64| {
        turns.push(ActorId(id), &who(ActorId(id)), Weight::Other);
    };
    let busy = |id: ActorId, may: bool| Some((who(id), (may && id.0 < 2).then(|| at(100 + id.0))));
    for id in 0..4 {
        push(&mut turns, id);
    }
    let mut order = Vec::new();
    while let Some(id) = turns.pop(at(0), busy) {
        order.push(id.0);
    }
    assert_eq!(order, [2, 3, 0, 1]);
    // Once its time has come it is one of those that wait.
    push(&mut turns, 0);
    push(&mut turns, 2);
    assert_eq!(turns.pop(at(0), busy), Some(ActorId(2)));
    push(&mut turns, 1);
    push(&mut turns, 3);
    let free = |id, _| Some((who(id), None));
    assert_eq!(turns.pop(at(100), free), Some(ActorId(1)));
    assert_eq!(turns.pop(at(100), free), Some(ActorId(3)));
    assert_eq!(turns.pop(at(100), free), Some(ActorId(0)));
    assert_eq!(turns.next_at(at(100)), None);
}

#[test]
fn long_turns_take_two_fifths_of_the_time_while_light_ones_come_in() {
    let mut turns = Turns::default();
    let look = |id: ActorId, _| Some((payer(id.0 as u8, id.0 as u8), None));
    let (mut now, mut long, mut longest) = (0, 0, 0);
    let mut waits_since = None;
    turns.push(ActorId(1), &payer(1, 1), Weight::Other);
    while now < 100_000 {
        if waits_since.is_none() && now % 7 == 0 {
            waits_since = Some(now);
            turns.push(ActorId(2), &payer(2, 2), Weight::Light);
        }
        match turns.pop(at(now), look) {
            Some(ActorId(1)) => {
                turns.charge(at(now), 50_000);
                turns.push(ActorId(1), &payer(1, 1), Weight::Other);
                now += 50;
                long += 50;
            }
            Some(_) => {
                turns.charge(at(now), 1_000);
                now += 1;
                longest = longest.max(now - waits_since.take().unwrap());
            }
            None => now += 1,
        }
    }
    assert!((35_000..=41_000).contains(&long), "{long} ms of 100,000");
    assert!(longest <= 57, "a light turn waited for {longest} ms");
    // Nobody else is there any more: nothing rests.
    let _ = turns.pop(at(now), look);
    now += 2_000;
    assert!(turns.next_at(at(now)) == Some(at(now)) || turns.len() == 0);
}

#[test]
fn who_is_taken_for_light_and_is_not_takes_its_connection_along() {
    let mut turns = Turns::default();
    let look = |id: ActorId, _| Some((payer(id.0 as u8, 9), None));
    turns.push(ActorId(1), &payer(1, 9), Weight::Light);
    assert_eq!(turns.pop(at(0), look), Some(ActorId(1)));
    assert_eq!(turns.charge(at(0), 10_000), Some(at(200)));
    // Another key by the same connection.
    turns.push(ActorId(2), &payer(2, 9), Weight::Light);
    assert_eq!((turns.light.len(), turns.others.len()), (0, 1));
    assert_eq!(turns.of_connection(&origin(9)), 1);
    assert_eq!(turns.pop(at(1), look), None);
    assert_eq!(turns.next_at(at(1)), Some(at(25)));
    turns.set_now(at(201));
    turns.push(ActorId(3), &payer(3, 9), Weight::Light);
    assert_eq!((turns.light.len(), turns.others.len()), (1, 1));
}

#[test]
fn many_newcomers_do_not_keep_light_turns_waiting() {
    let mut turns = Turns::default();
    let look = |id: ActorId| payer((id.0 % 200) as u8, (id.0 == 1_000).into());
    let look = |id: ActorId, _: bool| Some((look(id), None));
    for id in 0..1_000 {
        let (payer, _) = look(ActorId(id), false).unwrap();
        turns.push(ActorId(id), &payer, Weight::Other);
    }
    // Some of them have run before the light one comes.
    for _ in 0..10 {
        assert!(turns.pop(at(0), look).is_some());
        turns.charge(at(0), 100);
    }
    for _ in 0..20 {
        turns.push(ActorId(1_000), &payer(200, 1), Weight::Light);
        let before = (0..4).position(|_| {
            let id = turns.pop(at(0), look);
            turns.charge(at(0), 100);
            id == Some(ActorId(1_000))
        });
        assert!(before.is_some_and(|before| before <= 1), "{before:?}");
    }
}
