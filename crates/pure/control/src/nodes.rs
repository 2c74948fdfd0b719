//! Which nodes are there, what each has, and what is believed to be free on it.
//!
//! Owns: the head's view of each node. Does not own: what is truly free, which the node decides, or how bundles
//! are laid on nodes (`packing`).

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use types::{Failure, GroupId, LabelRule, Memory, NodeId, NodeInfo, Resources, Strategy};

/// The nodes of the cluster.
#[derive(Debug)]
pub struct Nodes {
    present: BTreeMap<NodeId, Node>,
    gone: Memory<NodeId, NodeInfo>,
}

/// One node that is there.
#[derive(Debug)]
struct Node {
    /// Free is what was reported, less what was reserved since.
    info: NodeInfo,
    reported: Resources,
    reserved: Resources,
    actors: u32,
    /// Who was refused room since the last report, and is not tried here before the next.
    refused: BTreeSet<GroupId>,
}

/// Where something may run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Home {
    /// On this node, at once or as soon as the node has room.
    On(NodeId),
    /// Nowhere yet.
    Wait,
    /// Nowhere, ever.
    Never(Failure),
}

impl Nodes {
    /// No nodes, and a memory for `gone_max` that will be gone.
    #[must_use]
    pub fn new(gone_max: usize) -> Self {
        Self { present: BTreeMap::new(), gone: Memory::new(gone_max) }
    }

    /// A node is there, with all it has free.
    pub fn on_joined(&mut self, info: NodeInfo) {
        let joined = Node {
            reported: info.free.clone(),
            reserved: Resources::default(),
            actors: 0,
            refused: BTreeSet::new(),
            info,
        };
        self.present.insert(joined.info.node, joined);
    }

    /// A node is gone. False if it was not there.
    pub fn on_lost(&mut self, node: NodeId) -> bool {
        let Some(Node { info, .. }) = self.present.remove(&node) else {
            return false;
        };
        let (resources, free) = (Resources::default(), Resources::default());
        self.gone.remember(node, NodeInfo { alive: false, resources, free, ..info });
        true
    }

    /// A node says what is free. True if there may be more room than was believed.
    pub fn on_free(&mut self, node: NodeId, free: &Resources) -> bool {
        let Some(known) = self.present.get_mut(&node) else {
            return false;
        };
        let within =
            known.info.resources.iter().map(|(name, total)| (name, total.min(free.get(name))));
        let reported: Resources = within.collect();
        let grew = !known.refused.is_empty() || !known.info.free.fits(&reported);
        known.refused.clear();
        known.info.free = reported.clone();
        known.reported = reported;
        grew
    }

    /// A node refused a group what the head believed to be free: the node's last report is what holds, and its
    /// next one counts as room for the group.
    pub fn on_refused(&mut self, node: NodeId, group: GroupId) {
        if let Some(known) = self.present.get_mut(&node) {
            known.info.free = known.reported.clone();
            known.refused.insert(group);
        }
    }

    /// Takes `amounts` for a bundle on `node`.
    pub fn reserve(&mut self, node: NodeId, amounts: &Resources) {
        let Some(known) = self.present.get_mut(&node) else {
            return;
        };
        known.reserved.add(amounts);
        known.info.free.subtract(amounts);
    }

    /// Gives back what [`Self::reserve`] took.
    pub fn release(&mut self, node: NodeId, amounts: &Resources) {
        let Some(known) = self.present.get_mut(&node) else {
            return;
        };
        known.reserved.subtract(amounts);
        for (name, amount) in amounts.iter() {
            let free = known.info.free.get(name).plus(amount).min(known.info.resources.get(name));
            known.info.free.set(name, free);
        }
    }

    /// An actor was sent to `node`.
    pub fn add_actor(&mut self, node: NodeId) {
        if let Some(known) = self.present.get_mut(&node) {
            known.actors += 1;
        }
    }

    /// An actor left `node`.
    pub fn remove_actor(&mut self, node: NodeId) {
        if let Some(known) = self.present.get_mut(&node) {
            known.actors = known.actors.saturating_sub(1);
        }
    }

    /// Where something of these `needs` may run by a strategy that names no group.
    pub fn choose(&self, strategy: &Strategy, needs: &Resources) -> Home {
        let (hard, soft): (&[LabelRule], &[LabelRule]) = match strategy {
            Strategy::Labels(hard, soft) => (hard, soft),
            Strategy::Node { node, soft } => {
                match self.present.get(node) {
                    Some(known) if known.info.resources.fits(needs) => return Home::On(*node),
                    _ if *soft => {}
                    Some(_) => return never(format!("{node} can never have {needs} free")),
                    None => return never(format!("{node} is not there, and its affinity is hard")),
                }
                (&[], &[])
            }
            Strategy::Pack | Strategy::Spread | Strategy::Group { .. } => (&[], &[]),
        };
        let able = self
            .present
            .iter()
            .filter(|(_, known)| known.info.resources.fits(needs) && known.satisfies(hard));
        let best = able.min_by_key(|(node, known)| {
            let busy = !known.info.free.fits(needs);
            (busy, !known.satisfies(soft), known.load(strategy, needs), **node)
        });
        match best {
            Some((node, _)) => Home::On(*node),
            None if self.present.is_empty() => Home::Wait,
            None if hard.is_empty() => {
                never(format!("no node can ever have {needs} free: {}", self.listed()))
            }
            None => match hard
                .iter()
                .find(|rule| self.satisfying(slice::from_ref(rule)).next().is_none())
            {
                Some(rule) => never(format!("no node satisfies the label selector: {rule}")),
                None => never(format!(
                    "no node that satisfies the label selector ({}) can ever have {needs} free",
                    listed(hard)
                )),
            },
        }
    }

    /// What is believed free for a group on each node.
    pub fn rooms(&self, group: GroupId) -> impl Iterator<Item = (NodeId, &Resources)> {
        let open = self.present.iter().filter(move |(_, known)| !known.refused.contains(&group));
        open.map(|(node, known)| (*node, &known.info.free))
    }

    /// The nodes whose labels satisfy all of these rules.
    pub fn satisfying(&self, rules: &[LabelRule]) -> impl Iterator<Item = NodeId> {
        let able = self.present.iter().filter(|(_, known)| known.satisfies(rules));
        able.map(|(node, _)| *node)
    }

    /// Whether a node could hold this, were it empty.
    #[must_use]
    pub fn may_hold(&self, amounts: &Resources) -> bool {
        self.present.values().any(|known| known.info.resources.fits(amounts))
    }

    /// What each node has, for people.
    #[must_use]
    pub fn listed(&self) -> String {
        let told = |known: &Node| format!("{} has {}", known.info.node, known.info.resources);
        self.present.values().map(told).collect::<Vec<_>>().join(", ")
    }

    /// Whether no node is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Whether the node is there.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.present.contains_key(&node)
    }

    /// The nodes that are there.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.present.keys().copied()
    }

    /// What the head has reserved on a node.
    #[must_use]
    pub fn reserved(&self, node: NodeId) -> Option<&Resources> {
        self.present.get(&node).map(|known| &known.reserved)
    }

    /// Each node that is there or remembered.
    #[must_use]
    pub fn infos(&self) -> Vec<NodeInfo> {
        let gone = self.gone.iter().map(|(_, info)| info);
        gone.chain(self.present.values().map(|known| &known.info)).cloned().collect()
    }

    /// Panics unless every rule that this machine alone can see holds.
    pub fn check(&self) {
        for (node, known) in &self.present {
            let NodeInfo { resources: total, free, .. } = &known.info;
            assert!(total.fits(free), "CTL-4: {node} has {total} and {free} of it free");
        }
    }
}

impl Node {
    fn satisfies(&self, rules: &[LabelRule]) -> bool {
        rules.iter().all(|rule| rule.holds(self.info.labels.get(&rule.label)))
    }

    /// What makes a node the worse choice, by the strategy.
    fn load(&self, strategy: &Strategy, needs: &Resources) -> (u64, u32) {
        // Below a half a node is as good as an empty one, so that few nodes are used while they are few.
        const HALF_PERMILLE: u64 = 500;
        if matches!(strategy, Strategy::Spread) || needs.is_empty() {
            return (0, self.actors);
        }
        let shares = self.info.resources.iter().map(|(name, total)| {
            let used = total.minus(self.info.free.get(name)).unwrap_or_default();
            used.units().saturating_mul(1000) / total.units()
        });
        let permille = shares.max().unwrap_or(0);
        (if permille < HALF_PERMILLE { 0 } else { permille }, 0)
    }
}

fn never(reason: String) -> Home {
    Home::Never(Failure::Unschedulable(reason))
}

fn listed(rules: &[LabelRule]) -> String {
    rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
