// A disk in memory that can be broken on purpose: full, failing to sync, or cut from its power at any byte.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/file_system.h"

namespace vigil::testing {

// Any thread may call. Mapped files are as in the real one, but a mapping for reading is a copy of that moment.
class FakeFileSystem final : public FileSystem {
 public:
  StatusOr<std::unique_ptr<WritableFile>> Open(const std::string& path) override;
  StatusOr<std::unique_ptr<MappedFile>> MapForRead(const std::string& path, int64_t bytes) override;
  StatusOr<std::unique_ptr<MappedFile>> MapForWrite(const std::string& path, int64_t bytes) override;
  StatusOr<std::string> Read(const std::string& path) override;
  StatusOr<std::string> ReadRange(const std::string& path, int64_t offset, int64_t bytes) override;
  Status Replace(const std::string& path, std::string_view contents) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status CreateDirectories(const std::string& path) override;
  StatusOr<std::vector<Entry>> List(const std::string& directory) override;
  Status SyncDirectory(const std::string& directory) override;
  StatusOr<std::unique_ptr<WritableFile>> Lock(const std::string& path) override;
  std::string BootId() override;

  // --- what tests do to it ---

  // The bytes all files may have together; a write beyond it lands in part and fails.
  void SetCapacity(int64_t bytes);
  // The next `count` syncs of log files fail and lose what they should have made durable, as Linux does.
  void FailSyncs(int count);
  // Overwrites bytes of a file behind everybody's back.
  void Corrupt(const std::string& path, int64_t offset, std::string_view bytes);
  // The disk after the process was killed: all that was written is there.
  std::unique_ptr<FakeFileSystem> AfterKill() const;
  // The disk after the power went: of each file what was synced and at most the first `unsynced_bytes` of what was written since, in order;
  // files whose names were never synced are gone. The machine has started anew.
  std::unique_ptr<FakeFileSystem> AfterPowerFailure(int64_t unsynced_bytes) const;
  int64_t TotalBytes() const;

 private:
  struct File {
    std::string data;  // as a reader sees it
    std::string durable;
    std::vector<std::pair<int64_t, std::string>> unsynced;  // writes since the last sync
    bool name_durable = false;
  };
  class OpenFile;
  class Mapping;
  using FilePtr = std::shared_ptr<File>;

  FilePtr FindLocked(const std::string& path) const;
  FilePtr FindOrCreateLocked(const std::string& path);
  int64_t TotalLocked() const;

  mutable std::mutex mutex_;
  std::map<std::string, FilePtr> files_;
  std::set<std::string> locks_;
  int64_t capacity_ = INT64_MAX;
  int failing_syncs_ = 0;
  int boot_ = 1;
};

}  // namespace vigil::testing
