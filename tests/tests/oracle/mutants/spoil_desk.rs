//! How the mistakes of the desk are planted: in what is kept after a request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use satang_tests::oracle::clawbacks::Debtor;
use satang_tests::oracle::purchase::Original;

use super::{Mistake, ModelSystem, copy_if};

/// What there was before a request.
pub(super) struct DeskBefore {
    cases: usize,
    lists: BTreeMap<String, BTreeSet<String>>,
}

impl ModelSystem {
    pub(super) fn desk(&self) -> DeskBefore {
        DeskBefore {
            cases: self.model.cases.len(),
            lists: copy_if(self.mistake == Mistake::ErasedIsStillListed, &self.model.lists),
        }
    }

    /// The mistakes that show in what the desk has done.
    pub(super) fn spoil_desk(&mut self, path: &str, before: &DeskBefore, answer: &Value) {
        let is_changed = answer["changed"] == true;
        match self.mistake {
            Mistake::RegisterLiftsTheDesksSuspension if is_of_the_register(path) => {
                let merchants = self.model.merchants.values_mut();
                merchants.for_each(|merchant| merchant.desk.suspended = None);
            }
            Mistake::ReleaseForgets if is_changed && answer["action"] == "release" => {
                let platform = answer["platform"].as_str().map(str::to_owned);
                let merchant_id = answer["merchant_id"].as_str().unwrap();
                self.model.merchants.get_mut(merchant_id).unwrap().desk.platform = platform;
            }
            Mistake::FreezeSuspends if answer["payout"] == "frozen" && path.ends_with("/payout") => {
                if let Some(merchant_id) = answer["merchant_id"].as_str() {
                    self.model.merchants.get_mut(merchant_id).unwrap().suspended = true;
                }
            }
            Mistake::OwedIgnoresRefunds | Mistake::OwedCountsOpenHolds => self.spoil_owed(before),
            Mistake::LiftingOpensTheWallet
                if path == "/v1/persons/status" && answer["status"] == "active" =>
            {
                for wallet_id in answer["wallets"].as_array().unwrap() {
                    let wallet = self.model.wallets.get_mut(wallet_id.as_str().unwrap());
                    wallet.unwrap().suspended = false;
                }
            }
            Mistake::ErasureFreesThePlace if path == "/v1/persons/erase" && is_changed => {
                let names: BTreeSet<&String> = self.model.erased.values().collect();
                self.model.rights.retain(|(person, _), _| !names.contains(person));
            }
            Mistake::ErasedIsStillListed if path == "/v1/persons/erase" => {
                self.model.lists.clone_from(&before.lists);
            }
            _ => {}
        }
    }

    /// A new case of a merchant that withdrew its consent is of another amount.
    fn spoil_owed(&mut self, before: &DeskBefore) {
        let ignores_refunds = self.mistake == Mistake::OwedIgnoresRefunds;
        let too_much: Vec<(String, u128)> = if ignores_refunds {
            let originals = self.model.originals.values();
            let given_back =
                |original: &Original| (original.merchant_id.clone(), original.state_given_back());
            originals.map(given_back).collect()
        } else {
            let open = self.model.open_holds();
            let held = |original: &Original| (original.merchant_id.clone(), original.state_amount);
            open.map(held).collect()
        };
        for case in &mut self.model.cases[before.cases..] {
            let is_of = |of: &String| case.debtor == Debtor::Merchant(of.clone());
            let amounts = too_much.iter().filter(|(of, _)| is_of(of));
            if case.cause == "consent_withdrawn" {
                case.owed += amounts.map(|(_, amount)| amount).sum::<u128>();
            }
        }
    }
}

/// Whether the operator's register speaks: a merchant that is put, or a file of them.
fn is_of_the_register(path: &str) -> bool {
    path.starts_with("/v1/merchants/") && path.split('/').count() == 4
}
