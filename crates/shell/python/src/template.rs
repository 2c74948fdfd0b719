//! What all calls of one function with the same options have in common, as Python makes it.
//!
//! Owns: the conversion of options. Does not own: their defaults and checks (`aktis.remote`, `aktis.actors`).

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use types::{
    Amount, Callee, FunctionId, GroupId, LabelRule, Payload, Resources, Retries, Retry, Returns,
    Shape, Strategy, TemplateId,
};

use crate::current;
use crate::ids::Scope;

/// Made once for each function and set of options.
#[pyclass(frozen, module = "aktis._core")]
pub(crate) struct Template {
    template: Arc<types::Template>,
}

/// How many objects come back, as Python says it.
#[derive(FromPyObject)]
enum Count {
    Number(u32),
    Word(String),
}

/// Which exceptions are tried again, as Python says it.
#[derive(FromPyObject)]
enum Exceptions {
    AllOrNone(bool),
    Listed(Vec<u8>),
}

/// A condition on a label: the label, its values, and whether it must not hold.
pub(crate) type RuleFields = (String, Option<Vec<String>>, bool);

impl Template {
    pub(crate) const fn get(&self) -> &Arc<types::Template> {
        &self.template
    }
}

#[pymethods]
impl Template {
    #[new]
    #[pyo3(signature = (
        *, function, name, callee, method, group, ordered, resources, environment, strategy, returns, max_retries,
        retry_exceptions, timeout_s, max_calls, look_ahead
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a named option, given once by one caller"
    )]
    fn new(
        function: [u8; FunctionId::LEN],
        name: String,
        callee: &str,
        method: String,
        group: String,
        ordered: bool,
        resources: &Bound<'_, PyDict>,
        environment: String,
        strategy: &Bound<'_, PyTuple>,
        returns: Count,
        max_retries: i64,
        retry_exceptions: Exceptions,
        timeout_s: Option<f64>,
        max_calls: u32,
        look_ahead: Option<u32>,
    ) -> PyResult<Self> {
        let process = current::process()?;
        let shape = Shape {
            resources: resources_of(resources)?,
            environment,
            strategy: strategy_of(&process.scope, strategy)?,
        };
        let template = types::Template {
            id: TemplateId(process.engine.new_number()),
            function: FunctionId::from_bytes(function),
            name,
            callee: match callee {
                "function" => Callee::Function,
                "constructor" => Callee::Constructor,
                "method" => Callee::Method { name: method, group, ordered },
                other => {
                    return Err(PyValueError::new_err(format!(
                        "{other:?} is nothing that can be called"
                    )));
                }
            },
            shape: Arc::new(shape),
            returns: returns_of(returns)?,
            retries: Retries {
                max: u32::try_from(max_retries).ok(),
                exceptions: retry_of(retry_exceptions),
            },
            timeout: timeout_s.map(seconds).transpose()?,
            calls_max: max_calls,
            look_ahead,
        };
        Ok(Self { template: Arc::new(template) })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.template.name
    }

    /// Whether its objects come one by one.
    #[getter]
    fn streams(&self) -> bool {
        self.template.returns == Returns::Stream
    }
}

/// Named amounts.
pub(crate) fn resources_of(amounts: &Bound<'_, PyDict>) -> PyResult<Resources> {
    let mut resources = Resources::default();
    for (name, amount) in amounts.iter() {
        resources.set(name.extract::<&str>()?, Amount::from_f64(amount.extract()?));
    }
    Ok(resources)
}

/// Named amounts as Python sees them.
pub(crate) fn resources_dict<'py>(
    py: Python<'py>,
    resources: &Resources,
) -> PyResult<Bound<'py, PyDict>> {
    let amounts = PyDict::new(py);
    for (name, amount) in resources.iter() {
        amounts.set_item(name, amount.to_f64())?;
    }
    Ok(amounts)
}

/// A span from a number of seconds.
pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|why| PyValueError::new_err(format!("{seconds} is no number of seconds: {why}")))
}

fn returns_of(count: Count) -> PyResult<Returns> {
    match count {
        Count::Number(number) => Ok(Returns::Count(number)),
        Count::Word(word) if word == "streaming" => Ok(Returns::Stream),
        Count::Word(word) if word == "dynamic" => Ok(Returns::Dynamic),
        Count::Word(word) => {
            Err(PyValueError::new_err(format!("{word:?} is no number of returns")))
        }
    }
}

fn retry_of(exceptions: Exceptions) -> Retry {
    match exceptions {
        Exceptions::AllOrNone(true) => Retry::Always,
        Exceptions::AllOrNone(false) => Retry::Never,
        Exceptions::Listed(pickle) => Retry::Listed(Payload::from(pickle)),
    }
}

fn strategy_of(scope: &Scope, strategy: &Bound<'_, PyTuple>) -> PyResult<Strategy> {
    let kind: String = strategy.get_item(0)?.extract()?;
    Ok(match kind.as_str() {
        "pack" => Strategy::Pack,
        "spread" => Strategy::Spread,
        "group" => {
            let (_, group, bundle): (String, [u8; GroupId::LEN], Option<u32>) =
                strategy.extract()?;
            Strategy::Group { group: GroupId::from_bytes(group), bundle }
        }
        "node" => {
            let (_, node, soft): (String, String, bool) = strategy.extract()?;
            Strategy::Node { node: scope.parse_node(&node)?, soft }
        }
        "labels" => {
            let (_, hard, soft): (String, Vec<RuleFields>, Vec<RuleFields>) = strategy.extract()?;
            Strategy::Labels(rules_of(hard), rules_of(soft))
        }
        other => return Err(PyValueError::new_err(format!("{other:?} is no strategy"))),
    })
}

/// Conditions as the engine knows them.
pub(crate) fn rules_of(fields: Vec<RuleFields>) -> Vec<LabelRule> {
    fields
        .into_iter()
        .map(|(label, values, negated)| LabelRule { label, values, negated })
        .collect()
}
