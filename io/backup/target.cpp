#include "io/backup/target.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/base/limits.h"
#include "io/config/duration.h"

namespace patronus::backup {
namespace {

constexpr std::string_view kExamples =
    "file:///var/backups/patronus, s3://bucket/prefix?region=eu-central-1, abs://account@container/prefix or "
    "gcs://bucket/prefix";

struct Scheme {
  std::string_view word;
  TargetKind kind;
};
constexpr Scheme kSchemes[] = {{"file", TargetKind::kFile},
                               {"s3", TargetKind::kS3},
                               {"abs", TargetKind::kAzure},
                               {"gcs", TargetKind::kGcs}};

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Percent signs undone. Nothing where they are wrong, or where the text would hold what can't stand in a file
// of configuration: control characters, quotes, backslashes, and dollar signs, which Litestream takes for
// variables.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3 || digit_of(text[i + 1]) < 0 || digit_of(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
      i += 2;
    }
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f || c == '"' || c == '\\' || c == '$') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

std::string encoded(std::string_view text) {
  static constexpr std::string_view kPlain = "-._~/:";
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          kPlain.find(c) != std::string_view::npos;
    if (is_plain) {
      out.push_back(c);
    } else {
      out += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[static_cast<unsigned char>(c) & 15]};
    }
  }
  return out;
}

// Neither empty segments nor such as lead elsewhere.
bool is_plain_path(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Fault read_span(std::string_view key, const std::string& value, Duration least, Duration& into) {
  const std::optional<Duration> span = parse_duration(value);
  if (!span || *span < least)
    return std::string(key) + "=" + value + " is no time, or too short; use for example 24h, at least " +
           format_duration(least);
  into = *span;
  return std::nullopt;
}

Fault read_parameter(std::string_view key, const std::string& value, Target& target) {
  const bool is_s3 = target.kind == TargetKind::kS3;
  if (key == "name") {
    if (!is_name(value)) return "name=" + value + " is no name; use small letters, digits, '-' and '_'";
    target.name = value;
  } else if (key == "retention") {
    return read_span(key, value, std::chrono::minutes(1), target.retention);
  } else if (key == "snapshot-interval") {
    return read_span(key, value, std::chrono::minutes(1), target.snapshot_interval);
  } else if (key == "sync-interval") {
    return read_span(key, value, std::chrono::milliseconds(100), target.sync_interval);
  } else if (key == "endpoint" && (is_s3 || target.kind == TargetKind::kAzure)) {
    if (!value.starts_with("http://") && !value.starts_with("https://"))
      return "endpoint=" + value + " is no URL; use for example http://127.0.0.1:9000";
    target.endpoint = value;
    while (target.endpoint.ends_with('/')) target.endpoint.pop_back();
  } else if (key == "region" && is_s3) {
    if (!is_name(value)) return "region=" + value + " is no region; use for example eu-central-1";
    target.region = value;
  } else if (key == "force-path-style" && is_s3) {
    if (value != "true" && value != "false") return "force-path-style is true or false";
    target.force_path_style = value == "true";
  } else {
    return "there is no parameter " + std::string(key) + " of " + std::string(word_of(target.kind)) +
           " targets";
  }
  return std::nullopt;
}

Fault read_query(std::string_view query, Target& target) {
  std::set<std::string, std::less<>> seen;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const std::optional<std::string> value =
        equals == std::string_view::npos ? std::nullopt : decoded(pair.substr(equals + 1));
    if (!value) return "'" + std::string(pair) + "' is no parameter; use name=value";
    if (!seen.emplace(key).second) return std::string(key) + " is there twice";
    if (Fault fault = read_parameter(key, *value, target)) return fault;
  }
  return std::nullopt;
}

Fault read_place(std::string_view place, Target& target) {
  const std::optional<std::string> plain = decoded(place);
  if (!plain) return "it holds characters that a target can't have";
  const size_t slash = plain->find('/');
  std::string host = plain->substr(0, slash);
  std::string path = slash == std::string::npos ? "" : plain->substr(slash + 1);
  while (path.ends_with('/')) path.pop_back();
  if (!path.empty() && !is_plain_path(path)) return "its path has a segment that is empty, '.' or '..'";
  if (target.kind == TargetKind::kFile) {
    if (!host.empty() || path.empty())
      return "a file target is an absolute path: file:///var/backups/patronus";
    target.path = "/" + path;
    return std::nullopt;
  }
  const size_t at = host.find('@');
  if (target.kind == TargetKind::kAzure) {
    if (at == std::string::npos || at == 0) return "it names no account: abs://account@container/prefix";
    target.account = host.substr(0, at);
    host.erase(0, at + 1);
    if (target.account.find(':') != std::string::npos)
      return "a key is no part of it; use LITESTREAM_AZURE_ACCOUNT_KEY";
  } else if (at != std::string::npos) {
    return "keys are no part of it; use LITESTREAM_ACCESS_KEY_ID and LITESTREAM_SECRET_ACCESS_KEY";
  }
  if (host.empty() || host.find_first_of("@: ") != std::string::npos) return "it names no bucket";
  target.bucket = host;
  target.path = path;
  return std::nullopt;
}

std::string span_parameter(std::string_view key, Duration value, Duration usual) {
  return value == usual ? "" : "&" + std::string(key) + "=" + format_duration(value);
}

}  // namespace

std::string_view word_of(TargetKind kind) {
  for (const Scheme& scheme : kSchemes) {
    if (scheme.kind == kind) return scheme.word;
  }
  return "";
}

bool takes_objects(TargetKind kind) { return kind != TargetKind::kGcs; }

std::string Target::url() const {
  std::string text = std::string(word_of(kind)) + "://";
  if (kind == TargetKind::kAzure) text += encoded(account) + "@";
  text += encoded(bucket);
  if (!path.empty()) text += (path.starts_with('/') ? "" : "/") + encoded(path);
  std::string query;
  if (name != word_of(kind)) query += "&name=" + name;
  if (!endpoint.empty()) query += "&endpoint=" + encoded(endpoint);
  if (!region.empty()) query += "&region=" + region;
  if (force_path_style) query += "&force-path-style=true";
  query += span_parameter("retention", retention, limits::kBackupRetention);
  query += span_parameter("snapshot-interval", snapshot_interval, limits::kBackupSnapshotInterval);
  query += span_parameter("sync-interval", sync_interval, limits::kBackupSyncInterval);
  if (!query.empty()) query.front() = '?';
  return text + query;
}

std::variant<Target, std::string> parse_target(std::string_view url) {
  // What may hold a secret by mistake is not shown.
  const size_t colon = url.find("://");
  const std::string_view word = url.substr(0, colon == std::string_view::npos ? 0 : colon);
  const auto* scheme = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                    [&](const Scheme& one) { return one.word == word; });
  if (scheme == std::end(kSchemes))
    return "'" + std::string(word.empty() ? url.substr(0, 40) : word) + "' is no target of backups; use " +
           std::string(kExamples);
  Target target;
  target.kind = scheme->kind;
  target.name = scheme->word;
  target.retention = limits::kBackupRetention;
  target.snapshot_interval = limits::kBackupSnapshotInterval;
  target.sync_interval = limits::kBackupSyncInterval;
  std::string_view rest = url.substr(colon + 3);
  const size_t mark = rest.find('?');
  Fault fault = url.size() > limits::kBackupTargetBytesMax ? Fault("it is too long")
                                                           : read_place(rest.substr(0, mark), target);
  if (!fault && mark != std::string_view::npos) fault = read_query(rest.substr(mark + 1), target);
  if (fault) return "a target of backups that begins with " + std::string(word) + ":// is wrong: " + *fault;
  return target;
}

std::variant<std::vector<Target>, std::string> parse_targets(std::string_view text) {
  std::vector<Target> targets;
  std::set<std::string> names;
  std::set<std::string> places;
  constexpr std::string_view kBetween = ", \t\r\n";
  for (size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;
       at = text.find_first_not_of(kBetween, at)) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    std::variant<Target, std::string> read = parse_target(text.substr(at, end - at));
    at = end;
    if (auto* fault = std::get_if<std::string>(&read)) return std::move(*fault);
    auto& target = std::get<Target>(read);
    if (targets.size() == limits::kBackupTargetsMax)
      return "there are more than " + std::to_string(limits::kBackupTargetsMax) + " targets of backups";
    if (target.name == word_of(target.kind)) {
      for (int n = 2; names.contains(target.name); ++n)
        target.name = std::string(word_of(target.kind)) + "-" + std::to_string(n);
    }
    if (!names.insert(target.name).second) return "two targets of backups have the name " + target.name;
    const std::string place = std::string(word_of(target.kind)) + " " + target.account + " " +
                              target.endpoint + " " + target.bucket + " " + target.path;
    if (!places.insert(place).second) return "two targets of backups lead to the same place: " + target.url();
    targets.push_back(std::move(target));
  }
  if (targets.empty()) return "there is no target of backups; use " + std::string(kExamples);
  return targets;
}

std::string path_below(const Target& target, std::string_view more) {
  return target.path.empty() ? std::string(more) : target.path + "/" + std::string(more);
}

std::string node_path(const ClusterId& cluster, const NodeId& node) { return cluster.hex() + "/" + node; }

std::optional<ClusterId> parse_cluster_id(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  ClusterId id;
  for (size_t i = 0; i < 32; ++i) {
    const int digit = digit_of(text[i]);
    if (digit < 0 || (text[i] >= 'A' && text[i] <= 'F')) return std::nullopt;
    id.words[i / 16] = (id.words[i / 16] << 4U) | static_cast<uint64_t>(digit);
  }
  if (!id) return std::nullopt;
  return id;
}

std::variant<Source, std::string> parse_source(std::string_view url) {
  std::variant<Target, std::string> parsed = parse_target(url);
  if (auto* failed = std::get_if<std::string>(&parsed)) return std::move(*failed);
  Source source{std::move(std::get<Target>(parsed)), std::nullopt};
  std::string& path = source.target.path;
  const size_t slash = path.rfind('/');
  source.cluster = parse_cluster_id(slash == std::string::npos ? path : path.substr(slash + 1));
  if (!source.cluster) return source;
  path.erase(slash == std::string::npos ? 0 : slash);
  if (source.target.kind == TargetKind::kFile && path.empty()) path = "/";
  return source;
}

}  // namespace patronus::backup
