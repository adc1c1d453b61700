// The models of a snapshot by name, in order. A copy shares everything with its original until Set or Erase, which copy one chunk: changing
// one model of thousands costs little, and so does dropping the former snapshot, which a serving thread may be the one to do.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vigil {

struct ServedModel;

class ServedModels {
 public:
  using Entry = std::pair<std::string, std::shared_ptr<const ServedModel>>;
  using Chunk = std::vector<Entry>;  // by name; never empty

  class const_iterator {
   public:
    const_iterator() = default;
    const Entry& operator*() const { return (*(*chunks_)[chunk_])[entry_]; }
    const Entry* operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++entry_ == (*chunks_)[chunk_]->size()) {
        ++chunk_;
        entry_ = 0;
      }
      return *this;
    }
    bool operator==(const const_iterator& other) const { return chunk_ == other.chunk_ && entry_ == other.entry_; }

   private:
    friend class ServedModels;
    const_iterator(const std::vector<std::shared_ptr<const Chunk>>* chunks, size_t chunk, size_t entry)
        : chunks_(chunks), chunk_(chunk), entry_(entry) {}
    const std::vector<std::shared_ptr<const Chunk>>* chunks_ = nullptr;
    size_t chunk_ = 0, entry_ = 0;
  };

  const_iterator begin() const { return {&chunks_, 0, 0}; }
  const_iterator end() const { return {&chunks_, chunks_.size(), 0}; }
  const_iterator find(std::string_view name) const;
  // The model must be there.
  const std::shared_ptr<const ServedModel>& at(std::string_view name) const { return find(name)->second; }
  size_t size() const { return size_; }

  void Set(const std::string& name, std::shared_ptr<const ServedModel> model);
  void Erase(std::string_view name);

 private:
  static constexpr size_t kChunkMax = 64;
  // The chunk that holds or would hold `name`; there is one.
  size_t ChunkOf(std::string_view name) const;

  std::vector<std::shared_ptr<const Chunk>> chunks_;
  size_t size_ = 0;
};

}  // namespace vigil
