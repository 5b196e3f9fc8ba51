//! Numbers with their nouns, as people read them: `1 packet`, `2 packets`, `3 tries`.

use std::fmt::Display;

/// The number and the noun, in the plural unless the number is 1.
pub fn count<N: Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let is_one = n == N::from(1);
    let vowel_before_y = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match noun.strip_suffix('y') {
        _ if is_one => format!("{n} {noun}"),
        Some(stem) if !vowel_before_y(stem) => format!("{n} {stem}ies"),
        _ => format!("{n} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(count(0_usize, "packet"), "0 packets");
        assert_eq!(count(1_u64, "packet"), "1 packet");
        assert_eq!(count(1_u32, "try"), "1 try");
        assert_eq!(count(2_usize, "try"), "2 tries");
        assert_eq!(count(3_u8, "delay"), "3 delays");
    }
}
