use crate::{ConvertError, Date, Record, Value};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

/// A struct that is a row; `#[derive(DeriveRecord)]` writes this.
pub trait Schema: Sized {
    const COLUMNS: &'static [&'static str];
    fn to_record(&self) -> Record;
    fn from_record(record: &Record) -> Result<Self, ConvertError>;
}

pub trait ToValue {
    fn to_value(&self) -> Value;
}

pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Result<Self, ConvertError>;
}

macro_rules! integers {
    ($($type:ty),* $(,)?) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                i64::try_from(*self).map_or_else(|_| Value::Float(*self as f64), Value::Int)
            }
        }
        impl FromValue for $type {
            fn from_value(value: &Value) -> Result<Self, ConvertError> {
                let wanted = concat!("a number that fits ", stringify!($type));
                match value {
                    Value::Int(number) => <$type>::try_from(*number)
                        .map_err(|_| ConvertError::new(wanted, value.kind())),
                    Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                        <$type>::try_from(*number as i64)
                            .map_err(|_| ConvertError::new(wanted, value.kind()))
                    }
                    _ => Err(ConvertError::new(wanted, value.kind())),
                }
            }
        }
        impl From<$type> for Value {
            fn from(number: $type) -> Value {
                number.to_value()
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, u8, u16, u32, u64, usize, isize);

macro_rules! through {
    ($($type:ty, $wanted:literal, $variant:ident;)*) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                Value::$variant(self.clone())
            }
        }
        impl FromValue for $type {
            fn from_value(value: &Value) -> Result<Self, ConvertError> {
                match value {
                    Value::$variant(inner) => Ok(inner.clone()),
                    other => Err(ConvertError::new($wanted, other.kind())),
                }
            }
        }
        impl From<$type> for Value {
            fn from(inner: $type) -> Value {
                Value::$variant(inner)
            }
        }
    )*};
}

through! {
    bool, "a truth value", Bool;
    Record, "a record", Record;
}

impl ToValue for Date {
    fn to_value(&self) -> Value {
        Value::Date(*self)
    }
}

/// Formats without dates, such as JSON, hold them as text.
impl FromValue for Date {
    fn from_value(value: &Value) -> Result<Self, ConvertError> {
        let refused = || ConvertError::new("a date", value.kind());
        match value {
            Value::Date(date) => Ok(*date),
            Value::Text(text) => text.parse().map_err(|()| refused()),
            _ => Err(refused()),
        }
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Value {
        Value::Date(date)
    }
}

impl ToValue for f64 {
    fn to_value(&self) -> Value {
        Value::Float(*self)
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Result<Self, ConvertError> {
        value
            .as_f64()
            .ok_or_else(|| ConvertError::new("a number", value.kind()))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Float(number)
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

/// A number or a date in a text column is still that text.
impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, ConvertError> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            Value::Int(_) | Value::Float(_) | Value::Date(_) | Value::Bool(_) => {
                Ok(value.to_string())
            }
            other => Err(ConvertError::new("a text", other.kind())),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        text.to_value()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, ConvertError> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(ToValue::to_value).collect())
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Result<Self, ConvertError> {
        let Value::List(items) = value else {
            return Err(ConvertError::new("a list", value.kind()));
        };
        items
            .iter()
            .enumerate()
            .map(|(i, item)| T::from_value(item).map_err(|error| error.in_field(&i.to_string())))
            .collect()
    }
}

impl<V: ToValue> ToValue for BTreeMap<String, V> {
    fn to_value(&self) -> Value {
        Value::Record(
            self.iter()
                .map(|(key, value)| (key.clone(), value.to_value()))
                .collect(),
        )
    }
}

impl<V: FromValue> FromValue for BTreeMap<String, V> {
    fn from_value(value: &Value) -> Result<Self, ConvertError> {
        let record = Record::from_value(value)?;
        record
            .iter()
            .map(|(key, value)| match V::from_value(value) {
                Ok(value) => Ok((key.clone(), value)),
                Err(error) => Err(error.in_field(key)),
            })
            .collect()
    }
}

impl<K, V, S> ToValue for HashMap<K, V, S>
where
    K: AsRef<str> + Hash + Eq,
    V: ToValue,
    S: BuildHasher,
{
    fn to_value(&self) -> Value {
        Value::Record(
            self.iter()
                .map(|(key, value)| (key.as_ref(), value.to_value()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: ToValue + FromValue + PartialEq + std::fmt::Debug>(value: T) {
        assert_eq!(T::from_value(&value.to_value()), Ok(value));
    }

    #[test]
    fn values_come_back() {
        round(u8::MAX);
        round(i64::MIN);
        round(vec![Some(1u32), None]);
        round(BTreeMap::from([("ink".to_string(), vec![true, false])]));
        round("nib".to_string());
        round(Date::from_days(19_000));
    }

    #[test]
    fn errors_name_the_place() {
        let value = Value::Record(Record::from_iter([(
            "pens",
            Value::List(vec![Value::Null]),
        )]));
        let error = BTreeMap::<String, Vec<u8>>::from_value(&value).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pens.0: expected a number that fits u8, found null"
        );
        assert!(i8::from_value(&Value::Int(200)).is_err());
    }
}
