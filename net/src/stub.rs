#![allow(missing_docs, reason = "stub")]
use alloc::string::String;
use alloc::vec::Vec;
pub struct Offer;
impl Offer {
    pub fn parse(_b: &[u8]) -> Result<Offer, String> {
        Ok(Offer)
    }
    pub fn menu(&self) -> Option<Result<crate::Place, String>> {
        None
    }
    pub fn server(&self) -> Option<String> {
        None
    }
}
pub fn _x() -> Vec<u8> {
    Vec::new()
}
