use super::*;

#[test]
fn warnings_say_what_is_missing() {
    let none = Counts {
        frames: 9,
        ending: Ending::Whole,
        ..Counts::default()
    };
    assert!(none.warnings().is_empty());
    let all = Counts {
        cut: 3,
        options_cut: 1,
        malformed: 1,
        snap_len: 54,
        untimed: 2,
        dropped: 17,
        unread_links: vec![(127, 200), (999, 1)],
        ending: Ending::InsideFrame(10),
        ..none.clone()
    };
    assert_eq!(
        all.warnings(),
        [
            "The file ends inside frame 10, which is left out. It was cut off, or it was still being written.",
            "The file says that 17 packets could not be captured. Gaps in the frames need not be losses.",
            "The snap length of 54 bytes cut off the headers of 3 frames, which cannot be read. `tcpdump -s 128` captures all headers.",
            "The snap length of 54 bytes cut off the TCP options of 1 frame, so some of them are unknown. `tcpdump -s 128` captures all headers.",
            "The headers of 1 frame have impossible lengths or versions, and cannot be read.",
            "The file has no usable time stamp for 2 frames. Such a frame is given the time of the frame before.",
            "200 frames of an interface with the link type 127, IEEE 802.11 cannot be read.",
            "1 frame of an interface with the link type 999 cannot be read.",
        ]
    );
    let behind = |n| Counts {
        ending: Ending::BehindFrame(n),
        ..none.clone()
    };
    let no_frame = "The file ends inside a block that follows no frame. It was cut off, or it was still being written.";
    assert_eq!(behind(0).warnings(), [no_frame]);
    assert_eq!(
        behind(3).warnings(),
        [no_frame.replace("no frame", "frame 3")]
    );
}
