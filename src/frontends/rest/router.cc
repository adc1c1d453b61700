#include "frontends/rest/router.h"

#include "base/text.h"
#include "frontends/words.h"

namespace vigil {
namespace {

bool IsParam(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

// The segment at the front of `path` ("/a/b" → "a"), which is advanced behind it.
std::string_view TakeSegment(std::string_view& path) {
  path.remove_prefix(1);
  const size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash);
  return segment;
}

}  // namespace

std::string_view DialectName(Dialect dialect) {
  static constexpr std::string_view kNames[kDialects] = {"platform", "vigil", "oip", "mlflow"};
  return kNames[static_cast<size_t>(dialect)];
}

std::string_view PermissionName(Permission permission) {
  static constexpr std::string_view kNames[] = {"none", "predict", "read", "label", "operate"};
  return kNames[static_cast<size_t>(permission)];
}

Router::Router(absl::Span<const Route> routes) : routes_(routes), nodes_(1) {
  for (const Route& route : routes_) {
    uint32_t node = 0;
    std::string_view path = route.pattern;
    while (!path.empty()) {
      const std::string_view segment = TakeSegment(path);
      node = Child(node, segment);
      if (IsParam(segment) && segment.ends_with("...}")) nodes_[node].rest = true;
    }
    nodes_[node].routes[static_cast<size_t>(route.method)] = &route;
  }
  for (Node& node : nodes_) {
    for (size_t m = 0; m < kMethods; ++m) {
      if (node.routes[m] == nullptr) continue;
      if (!node.allow.empty()) node.allow += ", ";
      node.allow += net::MethodName(static_cast<net::Method>(m));
      if (static_cast<net::Method>(m) == net::Method::kGet) node.allow += ", HEAD";
    }
    if (!node.allow.empty()) node.allow += ", OPTIONS";
  }
}

uint32_t Router::Child(uint32_t node, std::string_view segment) {
  if (IsParam(segment)) {
    if (nodes_[node].param < 0) {
      nodes_[node].param = static_cast<int32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    return static_cast<uint32_t>(nodes_[node].param);
  }
  for (const auto& [name, child] : nodes_[node].literals) {
    if (name == segment) return child;
  }
  const auto child = static_cast<uint32_t>(nodes_.size());
  nodes_[node].literals.emplace_back(segment, child);
  nodes_.emplace_back();
  return child;
}

// Literal segments win over parameters; when they lead nowhere, the parameter is tried. The depth is that of the longest pattern.
bool Router::Walk(uint32_t index, std::string_view path, PathParams* params, const Node** found) const {
  const Node& node = nodes_[index];
  if (path.empty()) {
    *found = &node;
    return !node.allow.empty();
  }
  std::string_view rest = path;
  const std::string_view segment = TakeSegment(rest);
  for (const auto& [name, child] : node.literals) {
    if (name == segment && Walk(child, rest, params, found)) return true;
  }
  if (node.param < 0 || segment.empty() || params->size >= kPathParamsMax) return false;
  const Node& param = nodes_[static_cast<size_t>(node.param)];
  const size_t size = params->size;
  params->values[params->size++] = param.rest ? path.substr(1) : segment;
  if (Walk(static_cast<uint32_t>(node.param), param.rest ? std::string_view{} : rest, params, found)) return true;
  params->size = size;
  return false;
}

const Route* Router::AnyRoute(const Node& node) {
  for (const Route* route : node.routes) {
    if (route != nullptr) return route;
  }
  return nullptr;
}

Router::Match Router::Find(net::Method method, std::string_view path) const {
  Match match;
  const Node* node = nullptr;
  if (path.empty() || path[0] != '/') return match;
  if (!Walk(0, path, &match.params, &node)) {
    // A path below a dialect's root ("/v2/...") is that dialect's, though it leads nowhere.
    match.params.size = 0;
    const std::string_view root = TakeSegment(path);
    for (const auto& [name, child] : nodes_[0].literals) {
      if (name == root) match.neighbour = AnyRoute(nodes_[child]);
    }
    return match;
  }
  match.allow = node->allow;
  match.route = node->routes[static_cast<size_t>(method)];
  if (match.route == nullptr && method == net::Method::kHead) match.route = node->routes[static_cast<size_t>(net::Method::kGet)];
  match.outcome = match.route == nullptr ? Outcome::kNoMethod : Outcome::kFound;
  if (match.route == nullptr) match.neighbour = AnyRoute(*node);
  return match;
}

std::string Router::Hint(std::string_view path) const {
  constexpr size_t kHintPathBytesMax = 256;
  if (path.empty() || path[0] != '/' || path.size() > kHintPathBytesMax) return "";
  std::vector<std::string> known;
  for (const Route& route : routes_) {
    // The pattern with this path's own segments for its parameters.
    std::string candidate;
    std::string_view pattern = route.pattern, rest = path;
    while (!pattern.empty()) {
      const std::string_view segment = TakeSegment(pattern);
      const std::string_view given = rest.empty() ? std::string_view{} : TakeSegment(rest);
      Append(&candidate, '/', IsParam(segment) && !given.empty() ? given : segment);
    }
    if (candidate != path) known.push_back(std::move(candidate));
  }
  return DidYouMean(path, known);
}

}  // namespace vigil
