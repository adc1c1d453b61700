// Documents of any bytes on a schema with everything: refused with errors, or executed with variables that fit or not; the response is
// JSON.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "frontends/graphql/language/execute.h"

namespace {

constexpr char kSdl[] = R"(
interface Node { id: ID! } union Pet = Dog | Cat enum Color { RED GREEN } scalar Time
type Dog implements Node { id: ID! name(upper: Boolean = false): String friends(first: Int = 2): [Pet] nick: String! }
type Cat implements Node { id: ID! lives: [Int!]! color: Color! friends(first: Int): [Pet!] }
input Filter { color: Color = RED, min: Int! = 1, tags: [String!], and: [Filter!], at: Time }
input Pick @oneOf { id: ID, name: String }
type Query { dog: Dog pet: Pet pets(filter: Filter, first: Int): [Pet!]! node(id: ID!): Node text(a: String, b: [Int] = [1], c: Filter): String
  num(f: Float, t: Time): Float pick(by: Pick): String loop: Query }
type Mutation { set(v: Int!): Int } type Subscription { tick(n: Int): Int })";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::graphql;
  static const auto schema = *Schema::FromSdl(kSdl);
  static const Resolvers resolvers(*schema);
  static const vigil::Json root = vigil::Json::parse(
      R"({"dog":{"id":1,"name":"x","nick":null,"friends":[{"__typename":"Cat","id":2,"lives":[1],"color":"RED"},null]},"pets":[{"__typename":"Dog"}],
          "text":1,"loop":{"num":2.5},"set":1,"tick":2})");
  static const vigil::Json variables = vigil::Json::parse(R"({"a":1,"b":true,"c":{"min":2,"and":[{}]},"d":"x","e":[1,null],"f":null})");
  const Prepared prepared = Prepare(*schema, std::string(reinterpret_cast<const char*>(data), size));
  if ((prepared.document == nullptr) == prepared.errors.empty()) std::abort();
  if (prepared.errors.size() > Limits().errors_max + 2) std::abort();
  if (prepared.document == nullptr) return 0;
  ExecuteOptions options;
  options.variables = &variables;
  options.root = Value::Borrowed(&root);
  const std::string text = Execute(resolvers, *prepared.document, options).Text();
  if (vigil::Json::parse(text, nullptr, false).is_discarded()) std::abort();
  const Subscribed subscribed = Subscribe(resolvers, prepared.document, options);
  if (subscribed.subscription && !subscribed.subscription->Next(options.root, options).executed) std::abort();
  return 0;
}
