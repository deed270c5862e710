//! Columns of values that all take the same number of bytes in Arrow.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::{ArrowError, DataType};

use crate::columns::Column;
use crate::fault::{Fault, Misfit};
use crate::fields::Fields;
use crate::spare::Spare;
use crate::validity::Validity;

/// Reads one value.
pub trait Read<T>: Send {
    /// Read the value of a field that is not NULL.
    ///
    /// # Errors
    /// If it cannot be represented, or is nothing that Postgres sends.
    fn read(&self, field: &[u8]) -> Result<T, Fault>;
}

/// The values of one column.
pub struct Primitive<T: ArrowPrimitiveType, R> {
    format: R,
    data_type: DataType,
    nullify: bool,
    values: Vec<T::Native>,
    validity: Validity,
    spare: Spare<T::Native>,
    expected: usize,
    arrow: PhantomData<fn() -> T>,
}

impl<T: ArrowPrimitiveType, R: Read<T::Native>> Primitive<T, R> {
    /// Make an empty column of `data_type`, which is a type of the family `T`.
    pub fn new(format: R, data_type: &DataType, nullify: bool) -> Self {
        Self {
            format,
            data_type: data_type.clone(),
            nullify,
            values: Vec::new(),
            validity: Validity::default(),
            spare: Spare::default(),
            expected: 0,
            arrow: PhantomData,
        }
    }
}

impl<T: ArrowPrimitiveType, R: Read<T::Native>> Column for Primitive<T, R> {
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        if self.values.capacity() == 0 {
            self.values = self.spare.take(self.expected);
        }
        self.values.reserve(fields.len());
        for (row, field) in fields.iter().enumerate() {
            let value = match field.map(|field| self.format.read(field)) {
                Some(Ok(value)) => value,
                Some(Err(fault)) if !(self.nullify && matches!(fault, Fault::Refused(_))) => {
                    return Err(Misfit { row, fault });
                }
                _ => {
                    self.validity.set_null(self.values.len());
                    T::Native::default()
                }
            };
            self.values.push(value);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.values.len() * size_of::<T::Native>() + self.validity.size()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let values = std::mem::take(&mut self.values);
        self.expected = values.len();
        let nulls = self.validity.finish(values.len());
        let values = self.spare.lend(values);
        let array = PrimitiveArray::<T>::try_new(values.into(), nulls)?;
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}
