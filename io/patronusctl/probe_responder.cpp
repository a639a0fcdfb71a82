#include "io/patronusctl/probe_responder.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/limits.h"
#include "io/auth/secret.h"
#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/files.h"
#include "io/sdwan/probe_key.h"
#include "io/sdwan/responder.h"
#include "io/uv/loop.h"
#include "io/uv/name_look_up.h"
#include "io/uv/udp.h"

namespace patronus::ctl {
namespace {

constexpr uint64_t kTurnMs = 50;  // how exactly a forward that is not answered times out

using Counts = std::vector<std::pair<const char*, uint64_t>>;

Counts counts_of(const sdwan::ResponderCounts& counts) {
  return {{"probes", counts.probes},       {"forwards", counts.forwards},   {"answered", counts.answered},
          {"timed_out", counts.timed_out}, {"refused", counts.refused},     {"forged", counts.forged},
          {"replayed", counts.replayed},   {"malformed", counts.malformed}, {"stray", counts.stray},
          {"unsent", counts.unsent}};
}

// The responder on a socket of this process.
class Process final : private sdwan::ResponderWorld {
 public:
  Process(std::string site, std::string key, const Address& where, Format format)
      : format_(format),
        socket_(loop_.get(), [this](const sdwan::UdpAddress& from,
                                    std::string_view datagram) { responder_.received(from, datagram); }),
        responder_(options(std::move(site), std::move(key), where), *this) {
    for (size_t slot = 0; slot < names_.size(); ++slot) {
      names_[slot] = std::make_unique<uv::NameLookUp>(
          loop_.get(), [this, slot](NameAnswer&& answer) { responder_.looked_up(slot, answer); });
    }
  }

  int run(const std::string& site, const Address& where) {
    if (const std::optional<std::string> failed = socket_.open(where)) {
      print_error("--listen " + *failed);
      return kError;
    }
    uv_timer_init(loop_.get(), turn_.get());
    turn_.on([this] { responder_.wake(); });
    uv_timer_start(
        turn_.get(), [](uv_timer_t* handle) { uv::Handle<uv_timer_t>::call(handle); }, kTurnMs, kTurnMs);
    const auto on_signal = [this](uv::Handle<uv_signal_t>& handle, int number, std::function<void()> act) {
      uv_signal_init(loop_.get(), handle.get());
      handle.on(std::move(act));
      uv_signal_start(
          handle.get(), [](uv_signal_t* raw, int) { uv::Handle<uv_signal_t>::call(raw); }, number);
    };
    on_signal(usr1_, SIGUSR1, [this] { tell(); });
    on_signal(terminate_, SIGTERM, [this] { loop_.stop(); });
    on_signal(interrupt_, SIGINT, [this] { loop_.stop(); });
    say_ready(site);
    loop_.run();
    tell();
    // The loop would wait for the system's resolver, which can't be called off.
    for (const auto& name : names_) {
      if (name->is_asking()) std::_Exit(kOk);
    }
    return kOk;
  }

 private:
  static sdwan::ResponderOptions options(std::string site, std::string key, const Address& where) {
    const bool is_v6 = where.host.find(':') != std::string::npos;
    return {std::move(site), std::move(key), !is_v6 || where.host == "::", is_v6};
  }

  // ResponderWorld
  Instant now() override { return Instant{static_cast<int64_t>(uv_hrtime())}; }
  sdwan::Sent send(const sdwan::UdpAddress& to, std::string_view datagram) override {
    return socket_.send(to, datagram);
  }
  void look_up(size_t slot, const Address& name) override { names_[slot]->ask(name); }

  void say_ready(const std::string& site) {
    if (format_ == Format::kTable) {
      say("answers probes of site " + site + " on " + socket_.bound().text());
      return;
    }
    std::string text;
    json::Writer out(text);
    out.begin_object().field("site", site).field("address", socket_.bound().text()).finish();
    say(text);
  }

  void tell() {
    std::string text;
    if (format_ == Format::kJson) {
      json::Writer out(text);
      out.begin_object();
      for (const auto& [name, count] : counts_of(responder_.counts())) out.field(name, count);
      out.finish();
    } else {
      for (const auto& [name, count] : counts_of(responder_.counts()))
        text += (text.empty() ? "" : "  ") + std::string(name) + " " + std::to_string(count);
    }
    say(text);
  }

  // Whoever reads along does not wait for a buffer to fill.
  static void say(const std::string& line) {
    print_line(line);
    std::fflush(stdout);
  }

  Format format_;
  uv::Loop loop_;
  uv::UdpSocket socket_;
  std::array<std::unique_ptr<uv::NameLookUp>, limits::kProbeLookUpsMax> names_;
  uv::Handle<uv_timer_t> turn_;
  uv::Handle<uv_signal_t> usr1_;
  uv::Handle<uv_signal_t> terminate_;
  uv::Handle<uv_signal_t> interrupt_;
  sdwan::Responder responder_;
};

}  // namespace

int run_probe_responder(const ProbeResponder& given, Format format) {
  const std::optional<Address> where = parse_address(given.listen);
  if (!where) {
    print_error("--listen '" + given.listen + "' is no address; use for example 0.0.0.0:7700");
    return kUsage;
  }
  if (given.site.empty() || given.site.size() > limits::kTableIdBytesMax) {
    print_error("--site '" + given.site + "' is no site's id; GET /api/v1/sites lists them");
    return kUsage;
  }
  ReadFile file = read_small_file(given.key_file);
  if (!file.error.empty()) {
    print_error("--key-file " + file.error);
    return kError;
  }
  std::optional<std::string> key = sdwan::read_probe_key(file.content, given.site);
  auth::wipe(file.content);
  if (!key) {
    print_error("--key-file " + given.key_file + " holds no key of site " + given.site +
                "; patronusctl site probe-key " + given.site + " gives it");
    return kError;
  }
  Process process(given.site, std::move(*key), *where, format);
  return process.run(given.site, *where);
}

}  // namespace patronus::ctl
