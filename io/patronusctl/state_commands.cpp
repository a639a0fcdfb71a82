#include "io/patronusctl/state_commands.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>

#include "core/base/limits.h"
#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

struct KeyGiven {
  std::string ns;
  std::string key;
  std::optional<std::string> value;
  std::string file;
  std::string content_type = "application/octet-stream";
  std::string if_match;
  std::string prefix;
  bool is_new = false;
  bool stale = false;
  bool dry_run = false;
};

std::string path_of(const KeyGiven& g) { return "/api/v1/state/" + escaped(g.ns) + "/" + escaped(g.key); }

// So that a write whose answer was lost can be repeated elsewhere, and is done once.
std::string idempotency_header() {
  std::random_device device;
  std::string key = "Idempotency-Key: ctl-";
  for (int i = 0; i < 4; ++i) key += std::to_string(device()) + "-";
  return key;
}

void add_conditions(const KeyGiven& g, Question& question) {
  if (!g.if_match.empty()) question.headers.push_back("If-Match: \"" + g.if_match + "\"");
  if (g.is_new) question.headers.emplace_back("If-None-Match: *");
  question.headers.push_back(idempotency_header());
  question.is_safe_to_repeat = true;
}

int get_key(Cluster& cluster, const KeyGiven& g) {
  const bool as_json = cluster.format() == Format::kJson;
  const HttpReply reply =
      cluster.ask(get(path_of(g) + (g.stale ? "?consistency=stale" : "?consistency=linearizable") +
                      (as_json ? "&meta=1" : "")));
  if (reply.status != 200) return explain(reply);
  if (as_json) {
    print_json(reply);
  } else {
    print_bytes(reply.body);  // as it was written, for whoever reads it next
  }
  return kOk;
}

// The value from the command line, a file, or "-" for standard input.
std::optional<std::string> read_value(const KeyGiven& g) {
  if (g.file.empty()) return g.value;
  std::string bytes;
  if (g.file == "-") {
    std::array<char, 65536> part{};
    size_t size = 0;
    while (bytes.size() <= limits::kValueBytesMax &&
           (size = std::fread(part.data(), 1, part.size(), stdin)) > 0)
      bytes.append(part.data(), size);
    return bytes;
  }
  std::ifstream in(g.file, std::ios::binary);
  if (!in) return std::nullopt;
  bytes.resize(limits::kValueBytesMax + 1);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(in.gcount()));
  return bytes;
}

int put_key(Cluster& cluster, const KeyGiven& g) {
  if (!g.value && g.file.empty()) {
    print_error("state put takes a VALUE or --file; an empty value is ''");
    return kUsage;
  }
  Question question;
  question.method = "PUT";
  question.path = path_of(g);
  question.body = read_value(g);
  if (!question.body) {
    print_error("'" + g.file + "' can't be read");
    return kError;
  }
  question.content_type = g.content_type;
  add_conditions(g, question);
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 200 && reply.status != 201) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
  } else {
    print_line(g.key + (reply.status == 201 ? " made" : " replaced") + " at revision " +
               text_of(json_of(reply), "mod_revision"));
  }
  return kOk;
}

int delete_key(Cluster& cluster, const KeyGiven& g) {
  if (g.dry_run) {
    const HttpReply there = cluster.ask(get(path_of(g) + "?meta=1"));
    if (there.status != 200) return explain(there);
    print_line("would delete " + g.key + " of revision " + text_of(json_of(there), "mod_revision"));
    return kOk;
  }
  Question question;
  question.method = "DELETE";
  question.path = path_of(g);
  add_conditions(g, question);
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 204) return explain(reply);
  print_line(g.key + " deleted");
  return kOk;
}

int list_keys(Cluster& cluster, const KeyGiven& g) {
  const std::string path = "/api/v1/state/" + escaped(g.ns) +
                           "?keys_only=1&limit=1000&prefix=" + escaped(g.prefix) +
                           (g.stale ? "&consistency=stale" : "");
  return list_pages(cluster, path, {"KEY", "REVISION", "VERSION", "TYPE"},
                    [](const picojson::value& item) -> std::vector<std::string> {
                      return {text_of(item, "key"), text_of(item, "mod_revision"), text_of(item, "version"),
                              text_of(item, "content_type")};
                    });
}

}  // namespace

void add_state_commands(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  auto given = std::make_shared<KeyGiven>();
  CLI::App* state = app.add_subcommand("state", "Keys and their values.");
  state->require_subcommand(1);
  const auto verb_on_key = [&](const char* name, const char* about) {
    CLI::App* verb = state->add_subcommand(name, about);
    verb->add_option("NAMESPACE", given->ns)->required();
    verb->add_option("KEY", given->key)->required();
    return verb;
  };
  const auto does = [&](CLI::App* verb, int (*act)(Cluster&, const KeyGiven&)) {
    let_do(verb, connection, run, [given, act](Cluster& cluster) { return act(cluster, *given); });
  };
  CLI::App* verb = verb_on_key("get", "Prints a value as it is; with -o json its revisions too.");
  verb->add_flag("--stale", given->stale, "what the node that is asked has, without a quorum");
  does(verb, get_key);
  verb = verb_on_key("put", "Writes a value.");
  auto* value = verb->add_option("VALUE", given->value, "the value itself");
  verb->add_option("--file", given->file, "a file that holds it; - for standard input")->excludes(value);
  verb->add_option("--type", given->content_type, "its content type")->capture_default_str();
  auto* match =
      verb->add_option("--if-match", given->if_match, "only if the key's revision is still this one");
  verb->add_flag("--new", given->is_new, "only if the key does not exist")->excludes(match);
  does(verb, put_key);
  verb = verb_on_key("delete", "Deletes a key.");
  verb->add_option("--if-match", given->if_match, "only if the key's revision is still this one");
  verb->add_flag("--dry-run", given->dry_run, "says what would be deleted");
  does(verb, delete_key);
  verb = state->add_subcommand("list", "The keys of a namespace, in order.");
  verb->add_option("NAMESPACE", given->ns)->required();
  verb->add_option("--prefix", given->prefix, "only keys that begin so");
  verb->add_flag("--stale", given->stale, "what the node that is asked has, without a quorum");
  does(verb, list_keys);
}

}  // namespace patronus::ctl
