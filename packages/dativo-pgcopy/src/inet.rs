//! `inet` and `cidr` as the text that Postgres prints.

use std::io::Write as _;

use crate::fault::Fault;
use crate::fields::leading;
use crate::text::Write;

const IPV4: u8 = 2;
const IPV6: u8 = 3;

/// `inet` and `cidr`: the value itself says which one it is.
pub struct Network;

impl Write for Network {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let ([family, bits, is_cidr, length], address) = leading(field)?;
        if usize::from(length) != address.len() {
            return Err(Fault::Malformed("an address has the wrong length"));
        }
        let host_bits = match (family, address.try_into(), address.try_into()) {
            (IPV4, Ok(address), _) => {
                write_ipv4(address, out);
                32
            }
            (IPV6, _, Ok(address)) => {
                write_ipv6(address, out);
                128
            }
            _ => return Err(Fault::Malformed("an address is of no known family")),
        };
        if bits > host_bits || is_cidr > 1 {
            return Err(Fault::Malformed("an address has too many bits"));
        }
        if bits != host_bits || is_cidr == 1 {
            print(out, format_args!("/{bits}"));
        }
        Ok(())
    }
}

fn write_ipv4([a, b, c, d]: [u8; 4], out: &mut Vec<u8>) {
    print(out, format_args!("{a}.{b}.{c}.{d}"));
}

/// Print with the longest run of zeros left out, and what embeds an IPv4 address with its dots.
fn write_ipv6(address: [u8; 16], out: &mut Vec<u8>) {
    let (pairs, _) = address.as_chunks::<2>();
    let mut words = [0; 8];
    for (word, pair) in words.iter_mut().zip(pairs) {
        *word = u16::from_be_bytes(*pair);
    }
    let (start, end) = longest_zeros(&words);
    let dotted = start == 0
        && match end {
            5 => words[5] == 0xffff,
            6 => true,
            _ => false,
        };
    let last = if dotted { 6 } else { 8 };
    let mut place = 0;
    while place < last {
        if place == start && end > start {
            out.extend_from_slice(b"::");
            place = end;
            continue;
        }
        if place != 0 && place != end {
            out.push(b':');
        }
        print(out, format_args!("{:x}", words[place]));
        place += 1;
    }
    if dotted {
        if end < 6 {
            out.push(b':');
        }
        let [.., a, b, c, d] = address;
        write_ipv4([a, b, c, d], out);
    }
}

/// Return the first of the longest runs of at least two zeros, or an empty one beyond all words.
fn longest_zeros(words: &[u16; 8]) -> (usize, usize) {
    let mut best = (8, 8);
    let mut start = 0;
    for end in 1..=8 {
        if words[end - 1] != 0 {
            start = end;
        } else if end - start >= 2 && end - start > best.1 - best.0 {
            best = (start, end);
        }
    }
    best
}

fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv6Addr};

    fn text(address: &str, bits: u8, is_cidr: u8) -> String {
        let address: IpAddr = address.parse().expect("an address");
        let (family, bytes) = match address {
            IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
            IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
        };
        let length = u8::try_from(bytes.len()).expect("few");
        let field = [vec![family, bits, is_cidr, length], bytes].concat();
        let mut out = Vec::new();
        Network.write(&field, &mut out).expect("an address");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn only_networks_show_all_bits() {
        assert_eq!(text("10.0.0.1", 32, 0), "10.0.0.1");
        assert_eq!(text("10.0.0.1", 32, 1), "10.0.0.1/32");
        assert_eq!(text("10.0.0.0", 8, 0), "10.0.0.0/8");
        assert_eq!(text("::1", 128, 0), "::1");
        assert_eq!(text("2001:db8::", 32, 1), "2001:db8::/32");
    }

    #[test]
    fn zeros_are_left_out_as_in_the_standard_library() {
        for bits in 0..256_u32 {
            let mut words = [0_u16; 8];
            for (place, word) in words.iter_mut().enumerate() {
                *word = if bits >> place & 1 == 1 { 0x1ab } else { 0 };
            }
            let address = Ipv6Addr::from(words);
            let printed = text(&address.to_string(), 128, 0);
            assert_eq!(printed.parse(), Ok(address), "{printed}");
            if words[..6].iter().any(|word| *word != 0) {
                assert_eq!(printed, address.to_string());
            }
        }
    }

    #[test]
    fn embedded_addresses_have_dots() {
        assert_eq!(text("::ffff:1.2.3.4", 128, 0), "::ffff:1.2.3.4");
        assert_eq!(text("::1.2.3.4", 128, 0), "::1.2.3.4");
        assert_eq!(text("::ffff", 128, 0), "::ffff");
        assert_eq!(text("::1", 128, 0), "::1");
        assert_eq!(text("::", 128, 0), "::");
    }

    #[test]
    fn malformed_addresses_are_told() {
        let good = [IPV4, 32, 0, 4, 1, 2, 3, 4];
        for (place, byte) in [(0, 3), (0, 9), (1, 33), (2, 2), (3, 3)] {
            let mut bad = good;
            bad[place] = byte;
            assert!(Network.write(&bad, &mut Vec::new()).is_err());
        }
        assert!(Network.write(&good[..7], &mut Vec::new()).is_err());
        assert!(Network.write(&[], &mut Vec::new()).is_err());
    }
}
