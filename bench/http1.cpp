#include "bench/http1.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "bench/protocol.h"

namespace patronus::bench {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool read_number(std::string_view text, int base, std::size_t& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return !text.empty() && result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

}  // namespace

void ResponseReader::clear() {
  in_.clear();
  decoded_.clear();
  body_ = {};
  status_ = 0;
  length_ = 0;
  has_length_ = chunked_ = close_ = false;
}

ResponseReader::State ResponseReader::feed(std::string_view bytes) {
  in_.append(bytes);
  while (true) {
    const auto end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return State::kMore;
    if (!read_head(end)) return State::kBroken;
    if (status_ >= 200) return read_body(end + 4);
    in_.erase(0, end + 4);  // An interim answer such as 100 Continue.
  }
}

bool ResponseReader::read_head(std::size_t end) {
  const std::string_view head = std::string_view(in_).substr(0, end);
  std::size_t code = 0;
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12 || !read_number(head.substr(9, 3), 10, code))
    return false;
  status_ = static_cast<int>(code);
  has_length_ = chunked_ = close_ = false;
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
    const std::size_t next = head.find("\r\n", at + 2);
    const std::size_t stop = next == std::string_view::npos ? head.size() : next;
    if (!read_header(head.substr(at + 2, stop - at - 2))) return false;
    at = next;
  }
  return true;
}

bool ResponseReader::read_header(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  if (equals_ignoring_case(name, "content-length")) {
    has_length_ = true;
    return read_number(value, 10, length_);
  }
  if (equals_ignoring_case(name, "transfer-encoding")) chunked_ = equals_ignoring_case(value, "chunked");
  if (equals_ignoring_case(name, "connection")) close_ = equals_ignoring_case(value, "close");
  return true;
}

ResponseReader::State ResponseReader::read_body(std::size_t start) {
  const std::string_view rest = std::string_view(in_).substr(start);
  if (chunked_) return read_chunks(rest);
  if (status_ == 204 || status_ == 304) length_ = 0;
  // A body that ends with the connection cannot be told from one that was cut.
  if (status_ != 204 && status_ != 304 && !has_length_) return State::kBroken;
  if (rest.size() < length_) return State::kMore;
  if (rest.size() > length_) return State::kBroken;  // Nothing was asked yet that this could answer.
  body_ = rest;
  return State::kComplete;
}

ResponseReader::State ResponseReader::read_chunks(std::string_view rest) {
  decoded_.clear();
  while (true) {
    const auto line = rest.find("\r\n");
    if (line == std::string_view::npos) return State::kMore;
    std::size_t size = 0;
    if (!read_number(rest.substr(0, line), 16, size)) return State::kBroken;
    rest.remove_prefix(line + 2);
    if (rest.size() < size + 2) return State::kMore;
    if (rest.substr(size, 2) != "\r\n") return State::kBroken;
    if (size == 0) return rest.size() == 2 ? State::kComplete : State::kBroken;
    decoded_.append(rest.substr(0, size));
    rest.remove_prefix(size + 2);
  }
}

namespace {

class Http1Protocol : public Protocol {
 public:
  Http1Protocol(const Options& options, const Target& target, const Values& values) : values_(values) {
    common_ = " HTTP/1.1\r\nHost: " + target.authority() + "\r\n";
    for (const std::string& header : options.headers) common_ += header + "\r\n";
  }

  void connected(std::string&) override { reader_.clear(); }

  void request(const Operation& operation, std::string& out) override {
    reader_.clear();
    operation_ = operation;
    append_request(operation, out);
  }

  Progress consume(std::string_view bytes, std::string&, Reply& reply) override {
    const auto state = reader_.feed(bytes);
    if (state == ResponseReader::State::kMore) return Progress::kMore;
    if (state == ResponseReader::State::kBroken) {
      reply = {false, "broken response", {}};
      return Progress::kDoneAndClose;
    }
    reply = {true, {}, {}};
    if (reader_.status() < 200 || reader_.status() > 299) {
      reply = {false, "http " + std::to_string(reader_.status()), {}};
    } else {
      judge(operation_, reader_.body(), reply);
    }
    return reader_.close() ? Progress::kDoneAndClose : Progress::kDone;
  }

 protected:
  virtual void append_request(const Operation& operation, std::string& out) = 0;
  // Decides about a response whose status is 2xx.
  virtual void judge(const Operation& operation, std::string_view body, Reply& reply) = 0;

  const Values& values() const { return values_; }
  const std::string& common() const { return common_; }

 private:
  const Values& values_;
  std::string common_;
  ResponseReader reader_;
  Operation operation_;
};

class PatronusProtocol final : public Http1Protocol {
 public:
  using Http1Protocol::Http1Protocol;

 private:
  void append_request(const Operation& operation, std::string& out) override {
    const bool write = operation.kind == Kind::kWrite;
    out += write ? "PUT" : "GET";
    out += " /api/v1/state/bench/";
    append_key(operation.key, out);
    out += common();
    if (!write) {
      out += "\r\n";
      return;
    }
    out += "Content-Type: application/octet-stream\r\nContent-Length: ";
    out += std::to_string(values().size());
    out += "\r\n\r\n";
    values().append(operation.write, out);
  }

  void judge(const Operation& operation, std::string_view body, Reply& reply) override {
    if (operation.kind == Kind::kWrite) return;
    reply.value = body;
    if (body.size() != values().size()) reply = {false, "value of another size", {}};
  }
};

class EtcdJsonProtocol final : public Http1Protocol {
 public:
  using Http1Protocol::Http1Protocol;

 private:
  void append_request(const Operation& operation, std::string& out) override {
    const bool write = operation.kind == Kind::kWrite;
    key_ = "bench/";
    append_key(operation.key, key_);
    body_ = "{\"key\":\"";
    append_base64(key_, body_);
    if (write) {
      body_ += "\",\"value\":\"";
      values().append_as_base64(operation.write, body_);
    }
    body_ += "\"}";
    out += write ? "POST /v3/kv/put" : "POST /v3/kv/range";
    out += common();
    out += "Content-Type: application/json\r\nContent-Length: ";
    out += std::to_string(body_.size());
    out += "\r\n\r\n";
    out += body_;
  }

  void judge(const Operation& operation, std::string_view body, Reply& reply) override {
    if (operation.kind == Kind::kWrite) {
      if (!body.starts_with("{\"header\":{")) reply = {false, "reply without a header", {}};
      return;
    }
    constexpr std::string_view kField = "\"value\":\"";
    const auto at = body.find(kField);
    if (at == std::string_view::npos) {
      reply = {false, "miss", {}};
      return;
    }
    std::string_view text = body.substr(at + kField.size());
    text = text.substr(0, text.find('"'));
    if (text.size() != (values().size() + 2) / 3 * 4) reply = {false, "value of another size", {}};
    if (!operation.want_value) return;
    value_ = decode_base64(text).value_or(std::string{});
    reply.value = value_;
  }

  std::string key_;
  std::string body_;
  std::string value_;
};

}  // namespace

std::unique_ptr<Protocol> make_patronus(const Options& options, const Target& target, const Values& values) {
  return std::make_unique<PatronusProtocol>(options, target, values);
}

std::unique_ptr<Protocol> make_etcd_json(const Options& options, const Target& target, const Values& values) {
  return std::make_unique<EtcdJsonProtocol>(options, target, values);
}

}  // namespace patronus::bench
