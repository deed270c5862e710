//! Numbers that travel as Arrow holds them, but for the order of their bytes.

use crate::fault::Fault;
use crate::fields::exactly;
use crate::primitive::Read;

/// `int2`.
pub struct Int2;
/// `int4`.
pub struct Int4;
/// `int8`.
pub struct Int8;
/// `oid`, which is unsigned.
pub struct Oid;
/// `float4`, bit for bit.
pub struct Float4;
/// `float8`, bit for bit.
pub struct Float8;

impl Read<i16> for Int2 {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i16, Fault> {
        exactly(field).map(i16::from_be_bytes)
    }
}

impl Read<i32> for Int4 {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i32, Fault> {
        exactly(field).map(i32::from_be_bytes)
    }
}

impl Read<i64> for Int8 {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i64, Fault> {
        exactly(field).map(i64::from_be_bytes)
    }
}

impl Read<i64> for Oid {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i64, Fault> {
        exactly(field).map(u32::from_be_bytes).map(i64::from)
    }
}

impl Read<f32> for Float4 {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<f32, Fault> {
        exactly(field).map(f32::from_be_bytes)
    }
}

impl Read<f64> for Float8 {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<f64, Fault> {
        exactly(field).map(f64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_most_significant_byte() {
        assert_eq!(Int2.read(&[0x80, 0]), Ok(i16::MIN));
        assert_eq!(Int4.read(&[0, 0, 1, 2]), Ok(258));
        assert_eq!(Int8.read(&[0xff; 8]), Ok(-1));
        assert_eq!(Oid.read(&[0xff; 4]), Ok(4_294_967_295));
    }

    #[test]
    fn floats_keep_every_bit() {
        let quiet = f64::from_bits(0x7ff8_0000_0000_0bad);
        let read = Float8.read(&quiet.to_be_bytes()).map(f64::to_bits);
        assert_eq!(read, Ok(quiet.to_bits()));
        let negative = Float4.read(&(-0.0_f32).to_be_bytes()).map(f32::to_bits);
        assert_eq!(negative, Ok(0x8000_0000));
    }

    #[test]
    fn a_wrong_length_is_malformed() {
        assert!(matches!(Int4.read(&[0; 3]), Err(Fault::Malformed(_))));
        assert!(matches!(Int4.read(&[0; 5]), Err(Fault::Malformed(_))));
        assert!(matches!(Float8.read(&[]), Err(Fault::Malformed(_))));
    }
}
