//! Numbers packed into a 32-bit register, the first in the low bits.

use super::value::Value;
use crate::attention::DataType;
use crate::ptx::tree::Operand;

impl<'k> Value<'k, u32> {
    /// The two numbers of `dtype` that are packed here, the low one first.
    ///
    /// # Panics
    ///
    /// Where `dtype` does not have two bytes.
    pub fn unpack(self, dtype: DataType) -> [Value<'k, f32>; 2] {
        match dtype {
            DataType::F16 => self.halves().map(|half| self.builder.compute("cvt.f32.f16", &[half])),
            DataType::Bf16 => [self << 16, self & 0xffff_0000].map(Value::bits_as_f32),
            DataType::E4m3 | DataType::E5m2 => panic!("{dtype} numbers are packed by fours"),
        }
    }

    /// Four of the eight bytes of `self` and `high`, of which `self` has bytes 0 to 3: a hexadecimal
    /// digit of `selector` chooses each, the lowest the lowest.
    pub fn permute_bytes(self, high: Value<'k, u32>, selector: u32) -> Value<'k, u32> {
        let selector = self.builder.constant(selector).operand();
        self.builder.compute("prmt.b32", &[self.operand(), high.operand(), selector])
    }

    fn halves(self) -> [Operand; 2] {
        let k = self.builder;
        let halves = [(); 2].map(|()| k.fresh::<u16>().operand());
        k.emit("mov.b32", vec![Operand::Vector(halves.to_vec()), self.operand()]);
        halves
    }
}

impl<'k> Value<'k, f32> {
    /// Two numbers rounded to `dtype` and packed: `self` in the low half.
    ///
    /// # Panics
    ///
    /// Where `dtype` does not have two bytes.
    pub fn pack(self, high: Value<'k, f32>, dtype: DataType) -> Value<'k, u32> {
        assert_eq!(dtype.bytes(), 2, "{dtype} numbers are packed by fours");
        self.builder.compute(&format!("cvt.rn.{dtype}x2.f32"), &[high.operand(), self.operand()])
    }

    /// Four numbers rounded to `dtype` and packed. What is too large becomes the largest number.
    ///
    /// # Panics
    ///
    /// Where `dtype` does not have one byte.
    pub fn pack_four(numbers: [Value<'k, f32>; 4], dtype: DataType) -> Value<'k, u32> {
        assert_eq!(dtype.bytes(), 1, "{dtype} numbers are packed by twos");
        let [a, b, c, d] = numbers;
        let k = a.builder;
        let name = format!("cvt.rn.satfinite.{dtype}x2.f32");
        let pair = |low: Self, high: Self| {
            k.compute::<u16>(&name, &[high.operand(), low.operand()]).operand()
        };
        k.compute("mov.b32", &[Operand::Vector(vec![pair(a, b), pair(c, d)])])
    }
}
