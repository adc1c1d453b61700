#include "frontends/rest/router.h"

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

bool IsParam(std::string_view segment) { return segment.starts_with('{'); }

// The word behind a parameter: "{model}:predict" → ":predict".
std::string_view SuffixOf(std::string_view segment) { return segment.substr(segment.find('}') + 1); }

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
  static constexpr std::string_view kNames[kDialects] = {"platform", "vigil",   "oip",      "mlflow",   "tfs",    "sagemaker",
                                                         "vertex",   "azureml", "oip_grpc", "tfs_grpc", "graphql"};
  return kNames[static_cast<size_t>(dialect)];
}

std::string_view PermissionName(Permission permission) {
  static constexpr std::string_view kNames[] = {"none", "predict", "read", "label", "operate"};
  return kNames[static_cast<size_t>(permission)];
}

Status LacksPermission(std::string_view principal, Permission permission) {
  return Failure(ErrorCode::kForbidden, Concat("\"", principal, "\" lacks the permission \"", PermissionName(permission), "\""));
}

Router::Router(absl::Span<const Route> routes) : routes_(routes), nodes_(1) {
  for (const Route& route : routes_) {
    uint32_t node = 0;
    std::string_view path = route.pattern;
    while (!path.empty()) {
      const std::string_view segment = TakeSegment(path);
      node = Child(node, segment, route.dialect == Dialect::kTfs);
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

bool Router::Edge::Is(std::string_view segment) const { return any_case ? EqualsIgnoreCase(segment, text) : segment == text; }

bool Router::Edge::Ends(std::string_view segment) const {
  if (segment.size() <= text.size()) return false;
  return Is(segment.substr(segment.size() - text.size()));
}

uint32_t Router::EdgeTo(std::vector<Edge> Node::*edges, uint32_t node, std::string_view text, bool any_case) {
  for (const Edge& edge : nodes_[node].*edges) {
    if (edge.text == text) return edge.child;
  }
  const auto child = static_cast<uint32_t>(nodes_.size());
  (nodes_[node].*edges).push_back({text, child, any_case});
  nodes_.emplace_back();
  return child;
}

uint32_t Router::Child(uint32_t node, std::string_view segment, bool any_case) {
  if (!IsParam(segment)) return EdgeTo(&Node::literals, node, segment, any_case);
  if (const std::string_view suffix = SuffixOf(segment); !suffix.empty()) return EdgeTo(&Node::suffixes, node, suffix, any_case);
  if (nodes_[node].param < 0) {
    nodes_[node].param = static_cast<int32_t>(nodes_.size());
    nodes_.emplace_back();
  }
  return static_cast<uint32_t>(nodes_[node].param);
}

// Literal segments win over parameters, and those before a word over others; what leads nowhere gives way to the next. The depth is that of
// the longest pattern.
bool Router::Walk(uint32_t index, std::string_view path, PathParams* params, const Node** found) const {
  const Node& node = nodes_[index];
  if (path.empty()) {
    *found = &node;
    return !node.allow.empty();
  }
  std::string_view rest = path;
  const std::string_view segment = TakeSegment(rest);
  for (const Edge& edge : node.literals) {
    if (edge.Is(segment) && Walk(edge.child, rest, params, found)) return true;
  }
  if (segment.empty() || params->size >= kPathParamsMax) return false;
  const size_t size = params->size;
  for (const Edge& edge : node.suffixes) {
    if (!edge.Ends(segment)) continue;
    params->values[params->size++] = segment.substr(0, segment.size() - edge.text.size());
    if (Walk(edge.child, rest, params, found)) return true;
    params->size = size;
  }
  if (node.param < 0) return false;
  const Node& param = nodes_[static_cast<size_t>(node.param)];
  params->values[params->size++] = param.rest ? path.substr(1) : segment;
  if (Walk(static_cast<uint32_t>(node.param), param.rest ? std::string_view{} : rest, params, found)) return true;
  params->size = size;
  return false;
}

const Route* Router::AnyRoute(const Node& node) const {
  for (const Route* route : node.routes) {
    if (route != nullptr) return route;
  }
  for (const Edge& edge : node.literals) {
    if (const Route* route = AnyRoute(nodes_[edge.child]); route != nullptr) return route;
  }
  return node.param < 0 ? nullptr : AnyRoute(nodes_[static_cast<size_t>(node.param)]);
}

Router::Match Router::Find(net::Method method, std::string_view path) const {
  Match match;
  const Node* node = nullptr;
  if (path.empty() || path[0] != '/') return match;
  if (!Walk(0, path, &match.params, &node)) {
    // A path below a dialect's root ("/v2/...") is that dialect's, though it leads nowhere.
    match.params.size = 0;
    const std::string_view root = TakeSegment(path);
    for (const Edge& edge : nodes_[0].literals) {
      if (edge.Is(root)) match.neighbour = AnyRoute(nodes_[edge.child]);
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
      const std::string_view suffix = IsParam(segment) ? SuffixOf(segment) : std::string_view();
      const std::string_view value = suffix.empty() ? given : given.substr(0, given.find(suffix[0]));
      IsParam(segment) && !value.empty() ? Append(&candidate, '/', value, suffix) : Append(&candidate, '/', segment);
    }
    if (candidate != path) known.push_back(std::move(candidate));
  }
  return DidYouMean(path, known);
}

}  // namespace vigil
