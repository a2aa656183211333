//! The database.

use std::error::Error;
use std::io;

use redb::{Builder, Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};

use crate::disk::Disk;

/// Bytes of the database that are kept in memory.
const CACHE: usize = 4 << 20;

const TABLE: TableDefinition<'_, &str, &str> = TableDefinition::new("values");

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Keys and their values.
pub struct Store(Database);

impl Store {
    /// Opens what is at `place`, or begins anew if that is empty.
    pub fn open(place: &str) -> Result<Store> {
        let database = Builder::new().set_cache_size(CACHE).create_with_backend(Disk::open(place)?)?;
        // So that readers find a table.
        let begun = database.begin_write()?;
        begun.open_table(TABLE)?;
        begun.commit()?;
        Ok(Store(database))
    }

    pub fn get(&self, key: &str) -> Result<Option<String>> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().to_owned()))
    }

    /// When it returns, the value is on the disk.
    pub fn put(&self, key: &str, value: &str) -> Result<()> {
        let begun = self.0.begin_write()?;
        begun.open_table(TABLE)?.insert(key, value)?;
        Ok(begun.commit()?)
    }

    /// Whether there was one. When it returns, it is gone from the disk.
    pub fn delete(&self, key: &str) -> Result<bool> {
        let begun = self.0.begin_write()?;
        let was = begun.open_table(TABLE)?.remove(key)?.is_some();
        begun.commit()?;
        Ok(was)
    }

    pub fn count(&self) -> Result<u64> {
        Ok(self.0.begin_read()?.open_table(TABLE)?.len()?)
    }

    /// Tells of each key that begins so, in order, until telling fails.
    pub fn list(&self, prefix: &str, mut tell: impl FnMut(&str) -> io::Result<()>) -> Result<io::Result<()>> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        for entry in table.range(prefix..)? {
            let (key, _) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            if let Err(error) = tell(key.value()) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}
