//! Vectors of texts that are kept, by collection. One collection has vectors of one model and one length: others say
//! nothing about them.

use std::collections::{BTreeSet, HashMap};

use rusqlite::named_params;

use super::columns::{all, candidate, count, run};
use super::{Store, StoreError};
use crate::types::{CandidateId, Timestamp};

/// The SHA-256 of a text.
pub type TextDigest = [u8; 32];

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// Who made its vectors.
    pub candidate: CandidateId,
    /// How many numbers each one has.
    pub dimensions: u32,
    /// How many there are.
    pub vectors: u64,
}

/// A vector with its text's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVector {
    /// A file's name.
    pub source: String,
    /// Its lines, `12-40`; empty for all of it.
    pub place: String,
    /// Of the text.
    pub digest: TextDigest,
    /// 32-bit floats, little-endian.
    pub vector: Vec<u8>,
}

impl Store {
    /// The collections, by name.
    pub fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        self.read(|tx| {
            let sql = "SELECT collection, provider, model, max(length(vector)) / 4 AS dimensions, count(*) AS vectors
                       FROM vectors GROUP BY collection ORDER BY collection";
            Ok(all(tx, sql, [], |row| {
                Ok(Collection {
                    name: row.get("collection")?,
                    candidate: candidate(row)?,
                    dimensions: row.get("dimensions")?,
                    vectors: count(row, "vectors")?,
                })
            })?)
        })
    }

    /// The vectors that a collection has, by the digest of their texts.
    pub fn vectors_by_text(&self, collection: &str) -> Result<HashMap<TextDigest, Vec<u8>>, StoreError> {
        let mut known = HashMap::new();
        self.each_vector(collection, |kept| _ = known.insert(kept.digest, kept.vector))?;
        Ok(known)
    }

    /// Looks at every vector of a collection, one at a time: a large one need not fit into memory.
    pub fn each_vector(&self, collection: &str, mut look: impl FnMut(KeptVector)) -> Result<(), StoreError> {
        self.read(|tx| {
            let sql = "SELECT source, place, digest, vector FROM vectors WHERE collection = ?1 ORDER BY source, place";
            let mut statement = tx.prepare_cached(sql)?;
            let mut rows = statement.query([collection])?;
            while let Some(row) = rows.next()? {
                look(KeptVector { source: row.get(0)?, place: row.get(1)?, digest: row.get(2)?, vector: row.get(3)? });
            }
            Ok(())
        })
    }

    /// Keeps these in a collection, which is made with its first one. All that it had of the same sources goes: what is
    /// no longer in a text is no longer found.
    pub fn keep_vectors(
        &self,
        collection: &str,
        made_by: &CandidateId,
        vectors: &[KeptVector],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            for source in vectors.iter().map(|kept| &kept.source).collect::<BTreeSet<_>>() {
                run(tx, "DELETE FROM vectors WHERE collection = ?1 AND source = ?2", (collection, source))?;
            }
            let insert = "INSERT OR REPLACE INTO vectors
                          (collection, source, place, provider, model, digest, vector, at)
                          VALUES (:collection, :source, :place, :provider, :model, :digest, :vector, :at)";
            for kept in vectors {
                let fields = named_params! {
                    ":collection": collection, ":source": kept.source, ":place": kept.place,
                    ":provider": made_by.provider, ":model": made_by.model,
                    ":digest": kept.digest, ":vector": kept.vector, ":at": at.0,
                };
                run(tx, insert, fields)?;
            }
            Ok(())
        })
    }

    /// Removes a collection; how many vectors it had.
    pub fn forget_collection(&self, name: &str) -> Result<u64, StoreError> {
        self.overwrite_what_is_removed()?;
        self.write(|tx| Ok(run(tx, "DELETE FROM vectors WHERE collection = ?1", [name])? as u64))
    }
}
