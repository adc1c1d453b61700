// The disk, behind a seam narrow enough to break on purpose: the prediction log and the label index reach files only through this.
// testing/fake_file_system.h is the in-memory one that tears writes, fails syncs and fills up.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vigil {

// One open file, written at known offsets. One thread writes; Sync may run beside it on another.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // All of `bytes` or an error, after which any part may have landed. RESOURCE_EXHAUSTED when the disk or the quota is full.
  virtual Status WriteAt(int64_t offset, std::string_view bytes) = 0;
  // Everything written before the call is on the disk when it returns OK (fdatasync).
  virtual Status Sync() = 0;
  // Reserves space up to `bytes`, read back as zeros, so that syncs need not move the file's end. A refusal costs only speed.
  virtual Status Preallocate(int64_t bytes) = 0;
  virtual Status Truncate(int64_t bytes) = 0;
};

// A file in memory, until destroyed.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  char* data() const { return data_; }  // writable only from MapForWrite
  size_t size() const { return size_; }
  std::string_view bytes() const { return {data_, size_}; }
  // What was written through the mapping is on the disk when it returns OK.
  virtual Status Sync() = 0;

 protected:
  char* data_ = nullptr;
  size_t size_ = 0;
};

// Any thread may call. Errors name the path and the system's reason.
class FileSystem {
 public:
  struct Entry {
    std::string name;
    int64_t bytes = 0;
  };
  virtual ~FileSystem() = default;

  // Created when missing.
  virtual StatusOr<std::unique_ptr<WritableFile>> Open(const std::string& path) = 0;
  // The first `bytes` of the file (-1: all). The part that is mapped must not shrink meanwhile.
  virtual StatusOr<std::unique_ptr<MappedFile>> MapForRead(const std::string& path, int64_t bytes = -1) = 0;
  // Grows the file to `bytes` with zeros and reserves the space first, so that writing through the mapping never meets a full disk.
  virtual StatusOr<std::unique_ptr<MappedFile>> MapForWrite(const std::string& path, int64_t bytes) = 0;
  // NOT_FOUND when there is none.
  virtual StatusOr<std::string> Read(const std::string& path) = 0;
  // Bytes [offset, offset + bytes), fewer at the end of the file.
  virtual StatusOr<std::string> ReadRange(const std::string& path, int64_t offset, int64_t bytes) = 0;
  // The old contents or the new, never a mixture, and durable on return.
  virtual Status Replace(const std::string& path, std::string_view contents) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual Status CreateDirectories(const std::string& path) = 0;
  // Files of a directory, by name. Empty when there is no such directory.
  virtual StatusOr<std::vector<Entry>> List(const std::string& directory) = 0;
  // New, renamed and removed names of `directory` are durable when it returns OK.
  virtual Status SyncDirectory(const std::string& directory) = 0;
  // Held until the result is destroyed or the process ends. FAILED_PRECONDITION when another process holds it.
  virtual StatusOr<std::unique_ptr<WritableFile>> Lock(const std::string& path) = 0;
  // Differs after each start of the machine: what a mapping left unsynced can be trusted only within one boot.
  virtual std::string BootId() = 0;
};

std::unique_ptr<FileSystem> MakePosixFileSystem();

}  // namespace vigil
