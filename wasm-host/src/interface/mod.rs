//! A module's interface as callers see it, and JSON in and out of it.
//!
//! [`arguments`] turns a caller's JSON into values, [`output`] values into JSON; [`Description`] is
//! the interface itself, printed as nodes answer it ([`Description::to_text`]) or as the
//! reference's service library does ([`Description::to_library_text`]).

pub mod arguments;
pub mod output;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::it::{Interface, RecordType, Type, ast::Field};

/// A function's signature with printed types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionDescription {
    /// Name.
    pub name: String,
    /// Names and types of arguments.
    pub arguments: Vec<(String, String)>,
    /// Types of results.
    pub outputs: Vec<String>,
}

/// A record with printed types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordDescription {
    /// Name.
    pub name: String,
    /// Index in the module's type list.
    pub id: u64,
    /// Names and types of fields.
    pub fields: Vec<(String, String)>,
}

/// A module's interface: functions by name, and the records they need, each after those it
/// contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Functions.
    pub functions: Vec<FunctionDescription>,
    /// Records.
    pub records: Vec<RecordDescription>,
}

impl Description {
    /// Describes a module.
    pub fn of(interface: &Interface) -> Self {
        let mut functions: Vec<FunctionDescription> = interface
            .service_functions()
            .map(|(export, ty, _)| FunctionDescription {
                name: export.name.clone(),
                arguments: fields(&ty.arguments, interface),
                outputs: ty
                    .outputs
                    .iter()
                    .map(|ty| type_text(ty, interface))
                    .collect(),
            })
            .collect();
        // In the order of their names, as nodes answer it.
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            functions,
            records: records(interface),
        }
    }

    /// As a node prints it; fields of records are objects.
    pub fn to_text(&self) -> String {
        self.text(&self.records, |(name, ty)| {
            format!("{{\"name\":{},\"ty\":{}}}", quote(name), quote(ty))
        })
    }

    /// As the reference's service library prints it: records by id, fields as pairs.
    pub fn to_library_text(&self) -> String {
        let mut records = self.records.clone();
        records.sort_by_key(|record| record.id);
        self.text(&records, pair)
    }

    /// [`Self::to_text`] as a value.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.to_text()).unwrap_or_default()
    }

    fn text(
        &self,
        records: &[RecordDescription],
        field: impl Fn(&(String, String)) -> String,
    ) -> String {
        let functions = join(&self.functions, |function| {
            format!(
                "{{\"name\":{},\"arguments\":[{}],\"output_types\":[{}]}}",
                quote(&function.name),
                join(&function.arguments, pair),
                join(&function.outputs, |ty| quote(ty))
            )
        });
        let records = join(records, |record| {
            format!(
                "{{\"name\":{},\"id\":{},\"fields\":[{}]}}",
                quote(&record.name),
                record.id,
                join(&record.fields, &field)
            )
        });
        format!("{{\"function_signatures\":[{functions}],\"record_types\":[{records}]}}")
    }
}

fn pair((name, ty): &(String, String)) -> String {
    format!("[{},{}]", quote(name), quote(ty))
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn join<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    let texts: Vec<String> = items.iter().map(text).collect();
    texts.join(",")
}

fn fields(fields: &[Field], interface: &Interface) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|field| (field.name.clone(), type_text(&field.ty, interface)))
        .collect()
}

/// A type as interfaces print it.
fn type_text(ty: &Type, interface: &Interface) -> String {
    match ty {
        Type::Boolean => "bool".to_string(),
        Type::S8 => "i8".to_string(),
        Type::S16 => "i16".to_string(),
        Type::S32 | Type::I32 => "i32".to_string(),
        Type::S64 | Type::I64 => "i64".to_string(),
        Type::U8 => "u8".to_string(),
        Type::U16 => "u16".to_string(),
        Type::U32 => "u32".to_string(),
        Type::U64 => "u64".to_string(),
        Type::F32 => "f32".to_string(),
        Type::F64 => "f64".to_string(),
        Type::String => "string".to_string(),
        Type::ByteArray => "[]u8".to_string(),
        Type::Array(element) => format!("[]{}", type_text(element, interface)),
        Type::Record(id) => interface
            .record(*id)
            .map(|record| record.name.clone())
            .unwrap_or_default(),
    }
}

/// Records reachable from signatures: by name, but each after those it contains.
fn records(interface: &Interface) -> Vec<RecordDescription> {
    let mut reachable = BTreeSet::new();
    for (_, ty, _) in interface.service_functions() {
        let arguments = ty.arguments.iter().map(|field| &field.ty);
        for ty in arguments.chain(&ty.outputs) {
            reach(ty, interface, &mut reachable);
        }
    }
    let mut by_name: BTreeMap<(&str, u64), &RecordType> = BTreeMap::new();
    for id in reachable {
        if let Some(record) = interface.record(id) {
            by_name.insert((&record.name, id), record);
        }
    }
    let mut order = Order {
        interface,
        seen: BTreeSet::new(),
        records: Vec::new(),
    };
    for ((_, id), record) in by_name {
        order.visit(id, record);
    }
    order.records
}

/// The depth of types is bounded by the check at load, so that recursion over them is.
fn reach(ty: &Type, interface: &Interface, found: &mut BTreeSet<u64>) {
    match ty {
        Type::Array(element) => reach(element, interface, found),
        Type::Record(id) if found.insert(*id) => {
            for field in interface
                .record(*id)
                .into_iter()
                .flat_map(|record| &record.fields)
            {
                reach(&field.ty, interface, found);
            }
        }
        _ => {}
    }
}

struct Order<'a> {
    interface: &'a Interface,
    seen: BTreeSet<u64>,
    records: Vec<RecordDescription>,
}

impl Order<'_> {
    fn visit(&mut self, id: u64, record: &RecordType) {
        // Once, although several records contain it.
        if !self.seen.insert(id) {
            return;
        }
        for field in &record.fields {
            let mut ty = &field.ty;
            while let Type::Array(element) = ty {
                ty = element;
            }
            if let Type::Record(inner) = ty
                && let Some(record) = self.interface.record(*inner)
            {
                // Before the record itself: a reader meets every name after its definition.
                self.visit(*inner, record);
            }
        }
        self.records.push(RecordDescription {
            name: record.name.clone(),
            id,
            fields: fields(&record.fields, self.interface),
        });
    }
}
