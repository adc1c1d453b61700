// Path → route, by a trie over path segments: a lookup compares each segment once and allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/rest/route.h"

namespace vigil {

inline constexpr size_t kPathParamsMax = 4;

struct PathParams {
  std::array<std::string_view, kPathParamsMax> values;  // as they came: not yet percent-decoded
  size_t size = 0;
};

// Immutable; any thread may call.
class Router {
 public:
  enum class Outcome : uint8_t { kFound, kNoRoute, kNoMethod };
  struct Match {
    Outcome outcome = Outcome::kNoRoute;
    const Route* route = nullptr;      // for HEAD the GET route
    const Route* neighbour = nullptr;  // not found: one whose dialect the answer should speak; null: ours
    PathParams params;
    std::string_view allow;  // kFound, kNoMethod: the methods that there are
  };

  // `routes` outlives the router.
  explicit Router(absl::Span<const Route> routes);
  Match Find(net::Method method, std::string_view path) const;
  // A hint for a path that has no route: ` (did you mean "/v2/health/ready"?)`, or nothing.
  std::string Hint(std::string_view path) const;
  absl::Span<const Route> routes() const { return routes_; }

 private:
  static constexpr size_t kMethods = 8;
  struct Edge {
    std::string_view text;
    uint32_t child = 0;
    bool any_case = false;  // letters match whatever their case
    bool Is(std::string_view segment) const;
    bool Ends(std::string_view segment) const;  // and something is before it
  };
  struct Node {
    std::vector<Edge> literals;
    std::vector<Edge> suffixes;  // of parameters before a word: ":predict"
    int32_t param = -1;
    bool rest = false;  // takes all further segments
    std::array<const Route*, kMethods> routes{};
    std::string allow;
  };
  // One of the node's, else one below it.
  const Route* AnyRoute(const Node& node) const;
  uint32_t Child(uint32_t node, std::string_view segment, bool any_case);
  uint32_t EdgeTo(std::vector<Edge> Node::*edges, uint32_t node, std::string_view text, bool any_case);
  bool Walk(uint32_t node, std::string_view path, PathParams* params, const Node** found) const;

  absl::Span<const Route> routes_;
  std::vector<Node> nodes_;
};

}  // namespace vigil
