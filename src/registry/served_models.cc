#include "registry/served_models.h"

#include <algorithm>

namespace vigil {
namespace {

ServedModels::Chunk::const_iterator Lower(const ServedModels::Chunk& chunk, std::string_view name) {
  return std::lower_bound(chunk.begin(), chunk.end(), name,
                          [](const ServedModels::Entry& entry, std::string_view wanted) { return entry.first < wanted; });
}

}  // namespace

size_t ServedModels::ChunkOf(std::string_view name) const {
  const auto after = std::upper_bound(chunks_.begin(), chunks_.end(), name,
                                      [](std::string_view wanted, const auto& chunk) { return wanted < chunk->front().first; });
  return after == chunks_.begin() ? 0 : static_cast<size_t>(after - chunks_.begin()) - 1;
}

ServedModels::const_iterator ServedModels::find(std::string_view name) const {
  if (chunks_.empty()) return end();
  const size_t at = ChunkOf(name);
  const auto entry = Lower(*chunks_[at], name);
  if (entry == chunks_[at]->end() || entry->first != name) return end();
  return {&chunks_, at, static_cast<size_t>(entry - chunks_[at]->begin())};
}

void ServedModels::Set(const std::string& name, std::shared_ptr<const ServedModel> model) {
  if (chunks_.empty()) {
    chunks_.push_back(std::make_shared<const Chunk>(Chunk{{name, std::move(model)}}));
    size_ = 1;
    return;
  }
  const size_t at = ChunkOf(name);
  auto chunk = std::make_shared<Chunk>(*chunks_[at]);
  const size_t place = static_cast<size_t>(Lower(*chunk, name) - chunk->cbegin());
  if (place < chunk->size() && (*chunk)[place].first == name) {
    (*chunk)[place].second = std::move(model);
  } else {
    chunk->insert(chunk->begin() + static_cast<ptrdiff_t>(place), {name, std::move(model)});
    ++size_;
  }
  if (chunk->size() > kChunkMax) {
    const auto middle = chunk->begin() + static_cast<ptrdiff_t>(chunk->size() / 2);
    chunks_.insert(chunks_.begin() + static_cast<ptrdiff_t>(at) + 1, std::make_shared<const Chunk>(middle, chunk->end()));
    chunk->erase(middle, chunk->end());
  }
  chunks_[at] = std::move(chunk);
}

void ServedModels::Erase(std::string_view name) {
  if (find(name) == end()) return;
  const size_t at = ChunkOf(name);
  auto chunk = std::make_shared<Chunk>(*chunks_[at]);
  chunk->erase(Lower(*chunk, name));
  --size_;
  if (chunk->empty()) {
    chunks_.erase(chunks_.begin() + static_cast<ptrdiff_t>(at));
  } else {
    chunks_[at] = std::move(chunk);
  }
}

}  // namespace vigil
