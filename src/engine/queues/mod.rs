//! The buffers of a connection and the memory that they occupy.
//!
//! In: bytes written by the application, segments from the peer. Out: buffers to send (`skb`), data to read
//! (`receive_queue`), SACK blocks (`out_of_order`). Linux counterpart: `struct sk_buff` and its queues. This folder uses
//! `netns`.

pub(super) mod forward_alloc;
pub(super) mod lent;
pub(super) mod out_of_order;
pub(super) mod payload;
pub(super) mod receive_queue;
pub(super) mod skb;
pub(super) mod truesize;
