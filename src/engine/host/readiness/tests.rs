use super::*;
use crate::call::{Call, Outcome};
use crate::engine::Config;
use crate::time::Instant;

fn socket(engine: &mut Engine, call: Call) -> SocketId {
    match engine.call(Instant::ZERO, call) {
        Outcome::Socket(id) => id,
        other => panic!("{other:?}"),
    }
}

/// Everything that the two have sent is carried, at once.
fn carry(a: &mut Engine, b: &mut Engine) {
    loop {
        let (to_b, to_a) = (
            a.poll_transmit(Instant::ZERO),
            b.poll_transmit(Instant::ZERO),
        );
        if to_b.is_none() && to_a.is_none() {
            return;
        }
        to_b.into_iter()
            .for_each(|t| b.on_packet(Instant::ZERO, &t.datagram));
        to_a.into_iter()
            .for_each(|t| a.on_packet(Instant::ZERO, &t.datagram));
    }
}

fn touched(engine: &mut Engine) -> Vec<SocketId> {
    std::iter::from_fn(|| engine.poll_touched()).collect()
}

#[test]
fn a_packet_touches_its_socket_and_no_other() {
    let mut client = Engine::new(Config::new([10, 77, 0, 1].into()));
    let mut server = Engine::new(Config::new([10, 77, 0, 2].into()));
    let to = Addr::v4([10, 77, 0, 2], 7);
    let listener = socket(&mut server, Call::Socket);
    server.call(Instant::ZERO, Call::Bind(listener, to));
    server.call(Instant::ZERO, Call::Listen(listener, 8));
    let connection = socket(&mut client, Call::Socket);
    let connect = client.call(Instant::ZERO, Call::Connect(connection, to));
    assert_eq!(connect, Outcome::InProgress);
    // nobody is told who did not ask
    carry(&mut client, &mut server);
    assert_eq!(touched(&mut client), []);
    server.track_touched();

    let second = socket(&mut client, Call::Socket);
    client.call(Instant::ZERO, Call::Connect(second, to));
    carry(&mut client, &mut server);
    assert_eq!(touched(&mut server), [listener]);
    let [waiting, _] = server.all_ends()[..] else {
        panic!("two connections")
    };
    assert_eq!(waiting.socket, None, "it is not accepted yet");

    let accepted = socket(&mut server, Call::Accept(listener));
    let (local, remote) = server.ends(accepted).unwrap();
    assert_eq!((local, Some((remote, to))), (to, client.ends(connection)));
    assert_eq!(server.all_ends()[0].socket, Some(accepted));
    client.call(Instant::ZERO, Call::Send(connection, vec![1]));
    carry(&mut client, &mut server);
    assert_eq!(touched(&mut server), [accepted]);
    assert_eq!(server.ends(listener), Some((to, Addr::default())));
}
