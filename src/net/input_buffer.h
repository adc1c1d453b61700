// Where received bytes live. Reads land in the loop's one scratch block, so that a request that arrives whole is parsed where it lies
// and an idle connection holds no memory; only what is left half-read moves into a block of the connection's own. A deferred answer
// pins the block under its request: pinned bytes never move.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace vigil::net {

// Memory held by input blocks, of all loops of a server together. Any thread. Outlives the server with the last pinned block.
struct InputBudget {
  std::atomic<int64_t> bytes{0};
};

struct InputBlock {
  InputBlock(size_t size, std::shared_ptr<InputBudget> b)
      : bytes(std::make_unique_for_overwrite<char[]>(size)), capacity(size), budget(std::move(b)) {
    budget->bytes.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
  }
  ~InputBlock() { budget->bytes.fetch_sub(static_cast<int64_t>(capacity), std::memory_order_relaxed); }
  InputBlock(const InputBlock&) = delete;
  InputBlock& operator=(const InputBlock&) = delete;

  const std::unique_ptr<char[]> bytes;
  const size_t capacity;
  const std::shared_ptr<InputBudget> budget;
};

// One a loop, lent to the connection that reads.
struct ScratchBlock {
  static constexpr size_t kBytes = 64 << 10;
  static constexpr size_t kBytesMin = 16 << 10;  // less room than this left beside pinned requests: take a new block
  std::shared_ptr<InputBlock> block;
  size_t used = 0;
};

// Unconsumed bytes of one connection, contiguous. One loop's thread.
class InputBuffer {
 public:
  explicit InputBuffer(std::shared_ptr<InputBudget> budget) : budget_(std::move(budget)) {}

  char* data() { return block_ ? block_->bytes.get() + begin_ : nullptr; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  // The first `n` bytes are done with.
  void Consume(size_t n) { begin_ += n; }
  // Keeps the first `n` bytes.
  void Truncate(size_t n) { end_ = begin_ + n; }
  // The bytes seen so far stay where they are while the result lives.
  std::shared_ptr<const void> Pin() { return block_; }

  // Room for new bytes behind those that wait. May move bytes that are not pinned.
  std::span<char> Prepare() {
    if (!block_ || block_->capacity - end_ < kRoomMin) MakeRoom();
    return {block_->bytes.get() + end_, block_->capacity - end_};
  }
  void Commit(size_t n) { end_ += n; }

  // Reads go to the loop's scratch block until GiveBack. Only while empty.
  void Borrow(ScratchBlock& scratch) {
    if (!scratch.block || scratch.block->capacity - scratch.used < ScratchBlock::kBytesMin) {
      scratch.block = std::make_shared<InputBlock>(ScratchBlock::kBytes, budget_);
      scratch.used = 0;
    }
    block_ = std::move(scratch.block);
    begin_ = end_ = scratch.used;
  }
  // Returns the block; what was not consumed is copied to a block of this connection's own.
  void GiveBack(ScratchBlock& scratch) {
    std::shared_ptr<InputBlock> block = std::move(block_);
    const size_t begin = begin_, left = size();
    scratch.used = block.use_count() > 1 ? end_ : 0;
    begin_ = end_ = 0;
    if (left > 0) {
      block_ = std::make_shared<InputBlock>(std::max(kBlockMin, 2 * left), budget_);
      std::memcpy(block_->bytes.get(), block->bytes.get() + begin, left);
      end_ = left;
    }
    scratch.block = std::move(block);
  }
  // An idle connection holds no block.
  void ReleaseIfEmpty() {
    if (!empty()) return;
    block_.reset();
    begin_ = end_ = 0;
  }

 private:
  static constexpr size_t kBlockMin = 4 << 10;
  static constexpr size_t kRoomMin = 2 << 10;

  void MakeRoom() {
    const size_t left = size();
    if (block_ && block_.use_count() == 1 && left + kRoomMin <= block_->capacity / 2) {
      std::memmove(block_->bytes.get(), block_->bytes.get() + begin_, left);
    } else {
      auto block = std::make_shared<InputBlock>(std::max(kBlockMin, 2 * (left + kRoomMin)), budget_);
      if (left > 0) std::memcpy(block->bytes.get(), block_->bytes.get() + begin_, left);
      block_ = std::move(block);
    }
    begin_ = 0;
    end_ = left;
  }

  const std::shared_ptr<InputBudget> budget_;
  std::shared_ptr<InputBlock> block_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace vigil::net
