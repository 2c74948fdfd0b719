//! Amounts that are lent out and come back, device by device where a unit is a device.
//!
//! Owns: the arithmetic of one stock, be it a node's or a bundle's. Does not own: which stock serves whom (`ledger`).

use std::collections::BTreeMap;

use types::{Amount, Assignment, DeviceShare, Resources};

/// The resource that a waiting worker lends to others.
pub const CPU: &str = "CPU";
/// Resources whose units are devices with an index.
pub const DEVICE_RESOURCES: [&str; 5] = ["GPU", "HPU", "NPU", "TPU", "neuron_cores"];

/// One stock of resources.
#[derive(Debug, Clone)]
pub struct Capacity {
    total: Resources,
    /// More than there is if a holder that had lent its CPUs has them again while others have them too.
    held: Resources,
    /// Held by those who do not give back when their work is done.
    lasting: Resources,
    devices: BTreeMap<String, Vec<Device>>,
    /// How often something came back.
    returns: u64,
}

impl Capacity {
    /// A stock of `total`, whose devices count from 0.
    #[must_use]
    pub fn of_node(total: Resources) -> Self {
        let counted = DEVICE_RESOURCES.iter().filter(|name| total.get(name) > Amount::ZERO);
        let devices =
            counted.map(|name| ((*name).to_owned(), whole_devices(total.get(name)))).collect();
        Self::of_assignment(&Assignment { resources: total, devices })
    }

    /// A stock of exactly what `assignment` holds.
    #[must_use]
    pub fn of_assignment(assignment: &Assignment) -> Self {
        let Assignment { resources, devices } = assignment;
        let stocks = devices
            .iter()
            .map(|(name, shares)| (name.clone(), shares.iter().map(Device::of_share).collect()));
        Self {
            total: resources.clone(),
            held: Resources::default(),
            lasting: Resources::default(),
            devices: stocks.collect(),
            returns: 0,
        }
    }

    /// What there is in all.
    #[must_use]
    pub const fn total(&self) -> &Resources {
        &self.total
    }

    /// What is taken.
    #[must_use]
    pub const fn held(&self) -> &Resources {
        &self.held
    }

    /// What may be taken now.
    #[must_use]
    pub fn free(&self) -> Resources {
        let rest = |(name, amount): (_, Amount)| Some((name, amount.minus(self.held.get(name))?));
        self.total.iter().filter_map(rest).collect()
    }

    /// How often something came back: the same amounts may be free on other devices then.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        self.returns
    }

    /// Whether `amounts` can be taken now.
    #[must_use]
    pub fn fits(&self, amounts: &Resources) -> bool {
        let fits = |(name, amount)| self.held.get(name).plus(amount) <= self.total.get(name);
        amounts.iter().all(fits) && self.devices_fit(amounts, |device| device.free)
    }

    /// Whether `amounts` could be taken if nobody held anything.
    #[must_use]
    pub fn could_ever_fit(&self, amounts: &Resources) -> bool {
        self.total.fits(amounts) && self.devices_fit(amounts, |device| device.whole)
    }

    /// Whether `amounts` could be taken once all work at hand is done.
    #[must_use]
    pub fn will_fit(&self, amounts: &Resources) -> bool {
        amounts.iter().all(|(name, amount)| {
            let rest = self.total.get(name).minus(self.lasting.get(name));
            rest.is_some_and(|rest| rest >= amount)
        })
    }

    /// Takes `amounts`, or nothing if they are not all free.
    pub fn take(&mut self, amounts: &Resources, lasting: bool) -> Option<Assignment> {
        if !self.fits(amounts) {
            return None;
        }
        self.held.add(amounts);
        if lasting {
            self.lasting.add(amounts);
        }
        let mut devices = BTreeMap::new();
        for (name, stock) in &mut self.devices {
            let amount = amounts.get(name);
            if amount > Amount::ZERO {
                devices.insert(name.clone(), take_shares(stock, amount));
            }
        }
        Some(Assignment { resources: amounts.clone(), devices })
    }

    /// Takes back what [`Self::take`] gave.
    pub fn give_back(&mut self, assignment: &Assignment, lasting: bool) {
        self.returns += 1;
        self.held.subtract(&assignment.resources);
        if lasting {
            self.lasting.subtract(&assignment.resources);
        }
        for (name, shares) in &assignment.devices {
            let stock = self.devices.get_mut(name);
            let stock = stock.expect("SCH-2: a device comes back to the stock that lent it");
            shares.iter().for_each(|share| return_share(stock, *share));
        }
    }

    /// A holder lends these CPUs to others.
    pub fn lend(&mut self, cpus: Amount) {
        let rest = self.held.get(CPU).minus(cpus);
        self.held.set(CPU, rest.expect("SCH-1: only what is held is lent"));
    }

    /// A holder has these CPUs again, even if others have them too.
    pub fn end_lending(&mut self, cpus: Amount) {
        self.held.set(CPU, self.held.get(CPU).plus(cpus));
    }

    /// Panics unless `held` is what is held, in all and of each device.
    pub fn check(&self, held: &Resources) {
        assert_eq!(self.held, *held, "SCH-1: what is held is what the holders have");
        let free = self.free();
        for (name, stock) in &self.devices {
            let sum = stock.iter().fold(Amount::ZERO, |sum, device| sum.plus(device.free));
            assert!(
                stock.iter().all(|device| device.free <= device.whole) && sum == free.get(name),
                "SCH-2: each {name} is lent at most once"
            );
        }
    }

    fn devices_fit(&self, amounts: &Resources, share: impl Fn(&Device) -> Amount) -> bool {
        self.devices.iter().all(|(name, stock)| {
            let amount = amounts.get(name);
            if amount <= Amount::ONE {
                return amount == Amount::ZERO
                    || stock.iter().any(|device| share(device) >= amount);
            }
            let whole = stock.iter().filter(|device| share(device) == Amount::ONE).count();
            Amount::whole(amount.units() / Amount::ONE.units()) == amount
                && Amount::whole(whole as u64) >= amount
        })
    }
}

/// One device, or the part of it that belongs to the stock.
#[derive(Debug, Clone)]
struct Device {
    index: u32,
    whole: Amount,
    free: Amount,
}

impl Device {
    const fn of_share(share: &DeviceShare) -> Self {
        Self { index: share.index, whole: share.amount, free: share.amount }
    }
}

fn whole_devices(amount: Amount) -> Vec<DeviceShare> {
    let mut devices = Vec::new();
    let mut rest = amount;
    while rest > Amount::ZERO {
        let whole = rest.min(Amount::ONE);
        let index = u32::try_from(devices.len()).unwrap_or(u32::MAX);
        devices.push(DeviceShare { index, amount: whole });
        rest = rest.minus(whole).unwrap_or(Amount::ZERO);
    }
    devices
}

/// Whole devices for one and more; below that, the fullest device that has room, so that others stay whole.
fn take_shares(stock: &mut [Device], amount: Amount) -> Vec<DeviceShare> {
    if amount < Amount::ONE {
        let fitting = stock.iter_mut().filter(|device| device.free >= amount);
        let device = fitting.min_by_key(|device| (device.free, device.index));
        return device.map(|device| take_share(device, amount)).into_iter().collect();
    }
    let count = usize::try_from(amount.units() / Amount::ONE.units()).unwrap_or(usize::MAX);
    let whole = stock.iter_mut().filter(|device| device.free == Amount::ONE);
    whole.take(count).map(|device| take_share(device, Amount::ONE)).collect()
}

fn take_share(device: &mut Device, amount: Amount) -> DeviceShare {
    device.free = device.free.minus(amount).expect("SCH-2: a device is lent at most once");
    DeviceShare { index: device.index, amount }
}

fn return_share(stock: &mut [Device], share: DeviceShare) {
    let device = stock.iter_mut().find(|device| device.index == share.index);
    let device = device.expect("SCH-2: a device comes back to the stock that lent it");
    device.free = device.free.plus(share.amount);
}
