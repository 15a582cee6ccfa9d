//! Who can write where, and what is sealed: one list for the whole process, so that executors and file
//! tools see each other.
//!
//! The launcher seals an approved file by mounting a private copy over it. The kernel detaches such a
//! mount when someone in another mount namespace renames or removes the file underneath, and then the
//! name leads to whatever was put there. So while a seal is in force nobody else may do that: a run
//! that could already write there keeps the sealed run from starting, one that starts later gets the
//! name pinned, and the file tools refuse it. Answers "approve A, swap in B".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::outcome::Refusal;

/// A place in the list, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Claim {
    id: u64,
    pinned: Vec<PathBuf>,
}

#[derive(Debug)]
struct Entry {
    writable: Vec<PathBuf>,
    sealed: Vec<PathBuf>,
}

#[derive(Debug)]
struct List {
    next: u64,
    held: BTreeMap<u64, Entry>,
}

impl Claim {
    /// Claims the right to write to the host folders `writable` while the host files `sealed` stay as
    /// they are.
    pub(crate) fn new(writable: Vec<PathBuf>, sealed: Vec<PathBuf>) -> Result<Self, Refusal> {
        let mut list = list();
        let contended = sealed.iter().find(|file| list.held.values().any(|other| covers(&other.writable, file)));
        if let Some(path) = contended {
            return Err(Refusal::Contended { path: path.clone() });
        }
        let others = list.held.values().flat_map(|other| &other.sealed);
        let pinned = others.filter(|file| covers(&writable, file)).cloned().collect();
        let id = list.next;
        list.next += 1;
        list.held.insert(id, Entry { writable, sealed });
        Ok(Self { id, pinned })
    }

    /// Sealed files of others in the folders that this claim can write to. They and the folders above
    /// them must keep their names.
    pub(crate) fn pinned(&self) -> &[PathBuf] {
        &self.pinned
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        list().held.remove(&self.id);
    }
}

fn covers(folders: &[PathBuf], file: &Path) -> bool {
    folders.iter().any(|folder| file.starts_with(folder))
}

fn list() -> MutexGuard<'static, List> {
    static LIST: Mutex<List> = Mutex::new(List { next: 0, held: BTreeMap::new() });
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_file_has_no_other_writer() {
        let script = [PathBuf::from("/claims/ws/run.sh")];
        let writer = Claim::new(vec!["/claims/ws".into()], Vec::new()).expect("first");
        let refused = Claim::new(Vec::new(), script.to_vec()).map(|_| ());
        assert_eq!(refused, Err(Refusal::Contended { path: script[0].clone() }));
        assert!(Claim::new(Vec::new(), vec!["/claims/ws2/run.sh".into()]).is_ok(), "another folder");
        drop(writer);
        let sealed = Claim::new(vec!["/claims/ws".into()], script.to_vec()).expect("its own write access is its own");
        let later = Claim::new(vec!["/claims".into()], Vec::new()).expect("it may start");
        assert_eq!(later.pinned(), script);
        assert!(sealed.pinned().is_empty());
    }
}
