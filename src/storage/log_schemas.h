// The registry of log schemas: what each schema number means, for ever. One small checksummed file, in memory while open; a new schema
// is appended, so that thousands of models cost one small write each.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "storage/file_system.h"
#include "storage/prediction_log.h"

namespace vigil {

// Any thread may call.
class LogSchemas {
 public:
  LogSchemas(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  Status Load();
  // Takes a schema that a segment carries; for rebuilding a lost file. Durable only with the next Register.
  void Restore(const LogSchema& schema);
  bool empty() const;

  StatusOr<uint32_t> Register(const LogSchema& schema);
  StatusOr<LogSchema> Find(uint32_t number) const;
  // 1 at [number] where the schema's model and version are those (empty: any).
  std::vector<uint8_t> Matching(const std::string& model, const std::string& version) const;
  // Moves whenever a known schema changed what it redacts, so that writers drop what they remember of it.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

 private:
  Status SaveLocked();
  Status AppendLocked(const LogSchema& schema);
  void IndexLocked(const LogSchema& schema);

  FileSystem& files_;
  const std::string path_;
  std::atomic<uint64_t> generation_{1};
  mutable std::mutex mutex_;
  std::vector<LogSchema> schemas_;                                  // guarded by mutex_; [number - 1]; number 0 where unknown
  std::unordered_map<std::string, std::vector<uint32_t>> numbers_;  // by model and version; guarded by mutex_
  std::unique_ptr<WritableFile> file_;                              // at whose end the next is appended; null: the file is written whole
  int64_t file_bytes_ = 0;
};

}  // namespace vigil
