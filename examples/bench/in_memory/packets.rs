//! One data packet and its ACK beside idle connections: what it costs may not depend on them.

use bytes::Bytes;
use halfopen::call::{Call, Outcome as Called};
use halfopen::time::Instant;

use super::crowd::{Crowd, Far};
use super::{Clock, of_five, stock};
use crate::measure::{Outcome, Settings};

/// Idle connections beside the one at work.
const IDLE: [u32; 3] = [0, 10_000, 100_000];
/// Packets and ACKs of one run.
const EXCHANGES: u32 = 200_000;
/// Data of a packet, bytes.
const DATA: usize = 512;

/// Sends data and hears its ACK.
fn send_one(crowd: &mut Crowd, far: &mut Far) -> Outcome<()> {
    let now = crowd.now;
    match crowd
        .engine
        .call(now, Call::Send(far.socket, vec![7; DATA]))
    {
        Called::Bytes(DATA) => {}
        other => return Err(format!("send: {other:?}").into()),
    }
    let sent = crowd.engine.poll_transmit(now).ok_or("nothing was sent")?;
    far.hear(sent.datagram.segment().ok_or("no segment")?);
    crowd.now = Instant::from_us(now.us() + 1_000);
    let ack = far.segment(crowd.now, Bytes::new());
    crowd.engine.on_packet(crowd.now, &ack);
    wake(crowd);
    Ok(())
}

/// Hears data, reads it; the ACK leaves at once, or with the next one.
fn hear_one(crowd: &mut Crowd, far: &mut Far, data: &Bytes) -> Outcome<()> {
    let packet = far.segment(crowd.now, data.clone());
    far.seq += DATA as u32;
    crowd.engine.on_packet(crowd.now, &packet);
    match crowd.engine.call(crowd.now, Call::Recv(far.socket, DATA)) {
        Called::Data(read) if read.len() == DATA => {}
        other => return Err(format!("recv: {other:?}").into()),
    }
    while let Some(ack) = crowd.engine.poll_transmit(crowd.now) {
        far.hear(ack.datagram.segment().ok_or("no segment")?);
    }
    crowd.now = Instant::from_us(crowd.now.us() + 1_000);
    wake(crowd);
    Ok(())
}

/// As a loop does: looks at the next deadline, and fires what is due.
fn wake(crowd: &mut Crowd) {
    if crowd
        .engine
        .next_deadline()
        .is_some_and(|at| at <= crowd.now)
    {
        crowd.engine.on_deadline(crowd.now);
        while crowd.engine.poll_transmit(crowd.now).is_some() {}
    }
}

/// Nanoseconds of each: one connection sends, one hears, every time another one hears.
fn ours(settings: Settings, idle: u32) -> Outcome<[f64; 3]> {
    let mut crowd = Crowd::new(true)?;
    let all: Outcome<Vec<Far>> = (0..=idle).map(|i| crowd.connect(i)).collect();
    let mut all = all?;
    let exchanges = if settings.quick { 1_000 } else { EXCHANGES };
    let mut one = all[all.len() / 2];
    let data = Bytes::from(vec![7; DATA]);
    let per = |began: Clock| began.elapsed().as_nanos() as f64 / f64::from(exchanges);
    let send = of_five(settings, || {
        let began = Clock::now();
        for _ in 0..exchanges {
            send_one(&mut crowd, &mut one)?;
        }
        Ok(per(began))
    })?;
    let hear = of_five(settings, || {
        let began = Clock::now();
        for _ in 0..exchanges {
            hear_one(&mut crowd, &mut one, &data)?;
        }
        Ok(per(began))
    })?;
    let at = all.len() / 2;
    all[at] = one;
    let mut next = 0;
    let others = of_five(settings, || {
        let began = Clock::now();
        for _ in 0..exchanges {
            // a stride that visits all of them and no neighbours
            next = (next + 61_803) % all.len();
            hear_one(&mut crowd, &mut all[next], &data)?;
        }
        Ok(per(began))
    })?;
    Ok([send, hear, others])
}

pub(crate) fn run(settings: Settings) -> Outcome<()> {
    println!(
        "{DATA} bytes a packet, keepalive on; CPU time, measured, medians of 5 runs of {EXCHANGES}, ns; wanted at 100000: \
         at most 1000, and at most 3 times the first line"
    );
    println!(
        "  idle connections | data out, ACK in | data in, read, ACK out | the same, each time another one"
    );
    for idle in IDLE {
        let [send, hear, others] = ours(settings, idle)?;
        println!("  {idle:>16} | {send:>16.0} | {hear:>22.0} | {others:>31.0}");
    }
    println!("  smoltcp as released: a data packet in, read, ACK out, beside listening sockets");
    for idle in IDLE {
        let ns = stock::data_in(settings, idle)?;
        println!("  {idle:>16} | {:>16} | {ns:>22.0} |", "");
    }
    Ok(())
}
