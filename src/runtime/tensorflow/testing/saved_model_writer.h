// Writes small SavedModels for tests: protobuf by hand, so that no test needs TensorFlow to make one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vigil::tensorflow::testing {

// One protobuf message.
class Message {
 public:
  Message& Number(uint32_t field, int64_t value) {
    Varint(field << 3);
    Varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& Bytes(uint32_t field, std::string_view bytes) {
    Varint(field << 3 | 2);
    Varint(bytes.size());
    text_.append(bytes);
    return *this;
  }
  Message& Sub(uint32_t field, const Message& message) { return Bytes(field, message.text_); }
  // An entry of a map from texts to messages.
  Message& Entry(uint32_t field, std::string_view key, const Message& value) { return Sub(field, Message().Bytes(1, key).Sub(2, value)); }
  const std::string& text() const { return text_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_.push_back(static_cast<char>(value | 0x80));
    text_.push_back(static_cast<char>(value));
  }
  std::string text_;
};

inline Message Shape(std::initializer_list<int64_t> sizes) {
  Message shape;
  for (const int64_t size : sizes) shape.Sub(2, Message().Number(1, size));
  return shape;
}
inline Message Type(int type) { return Message().Number(6, type); }
inline Message ListOf(uint32_t field, std::initializer_list<Message> items) {
  Message list;
  for (const Message& item : items) list.Sub(field, item);
  return Message().Sub(1, list);
}
inline Message Types(std::string_view packed) { return Message().Sub(1, Message().Bytes(6, packed)); }

inline Message Node(std::string_view name, std::string_view op, std::initializer_list<std::string_view> inputs,
                    std::initializer_list<std::pair<std::string_view, Message>> attributes) {
  Message node;
  node.Bytes(1, name).Bytes(2, op);
  for (const std::string_view input : inputs) node.Bytes(3, input);
  for (const auto& [key, value] : attributes) node.Entry(5, key, value);
  return node;
}

inline Message StringConstant(std::string_view name, std::initializer_list<std::string_view> texts) {
  Message tensor;
  tensor.Number(1, 7).Sub(2, Shape({static_cast<int64_t>(texts.size())}));
  for (const std::string_view text : texts) tensor.Bytes(8, text);
  return Node(name, "Const", {}, {{"dtype", Type(7)}, {"value", Message().Sub(8, tensor)}});
}

// A constant of floats; no numbers is an empty vector, which in a parse operation stands for "no default".
inline Message FloatConstant(std::string_view name, const std::vector<float>& numbers) {
  Message tensor;
  tensor.Number(1, 1).Sub(2, Shape({static_cast<int64_t>(numbers.size())}));
  tensor.Bytes(4, {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)});
  return Node(name, "Const", {}, {{"dtype", Type(1)}, {"value", Message().Sub(8, tensor)}});
}

// A graph without variables over serialized tf.Example: features "amount" (float, required), "age" (float, default 2), "channel" (string,
// required). `sum` = amount + age, [n, 1]; `channel` as it came.
inline Message ExampleGraph() {
  Message graph;
  graph.Sub(1, Node("examples", "Placeholder", {}, {{"dtype", Type(7)}, {"shape", Message().Sub(7, Shape({-1}))}}));
  graph.Sub(1, StringConstant("names", {})).Sub(1, StringConstant("sparse", {})).Sub(1, StringConstant("ragged", {}));
  graph.Sub(1, StringConstant("dense", {"amount", "age", "channel"}));
  graph.Sub(1, FloatConstant("amount_default", {}))
      .Sub(1, FloatConstant("age_default", {2.0f}))
      .Sub(1, StringConstant("channel_default", {}));
  graph.Sub(1, Node("parse", "ParseExampleV2",
                    {"examples", "names", "sparse", "dense", "ragged", "amount_default", "age_default", "channel_default"},
                    {{"Tdense", Types("\x01\x01\x07")},
                     {"num_sparse", Message().Number(3, 0)},
                     {"sparse_types", Types("")},
                     {"ragged_value_types", Types("")},
                     {"ragged_split_types", Types("")},
                     {"dense_shapes", ListOf(7, {Shape({1}), Shape({1}), Shape({1})})}}));
  graph.Sub(1, Node("sum", "AddV2", {"parse:0", "parse:1"}, {{"T", Type(1)}}));
  graph.Sub(1, Node("classes", "Identity", {"parse:2"}, {{"T", Type(7)}}));
  graph.Sub(4, Message().Number(1, 1087));
  return graph;
}

inline Message TensorInfo(std::string_view tensor, int type, std::initializer_list<int64_t> shape) {
  return Message().Bytes(1, tensor).Number(2, type).Sub(3, Shape(shape));
}

// saved_model.pb of that graph: regress (the default), classify, and `raw`, whose input is not known to be examples.
inline std::string ExampleModel() {
  const Message input = TensorInfo("examples:0", 7, {-1}), sum = TensorInfo("sum:0", 1, {-1, 1}),
                classes = TensorInfo("classes:0", 7, {-1, 1});
  const auto signature = [&](std::string_view method, std::string_view name) { return Message().Entry(1, name, input).Bytes(3, method); };
  Message graph;
  graph.Sub(1, Message().Bytes(4, "serve").Bytes(5, "2.21.0")).Sub(2, ExampleGraph());
  graph.Entry(5, "serving_default", signature("tensorflow/serving/regress", "inputs").Entry(2, "outputs", sum));
  graph.Entry(5, "classify", signature("tensorflow/serving/classify", "inputs").Entry(2, "scores", sum).Entry(2, "classes", classes));
  graph.Entry(5, "raw", signature("tensorflow/serving/predict", "bytes").Entry(2, "sum", sum));
  return Message().Number(1, 1).Sub(2, graph).text();
}

}  // namespace vigil::tensorflow::testing
