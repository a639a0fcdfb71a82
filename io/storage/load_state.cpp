#include "io/storage/load_state.h"

#include <utility>

namespace patronus {
namespace {

constexpr uint64_t kLoadedBetweenProgress = 10'000;

StateFault fault_of(const ImageError& error) {
  const bool damaged = error.fault == ImageFault::kDamaged;
  return {damaged ? StateFault::Kind::kDamaged : StateFault::Kind::kUnreadable, BootVerdict::kFits,
          error.text};
}

std::variant<Store, StateFault> build(Image& image, const ImageAbout& about, const LoadProgress& progress) {
  StoreLoader loader(about.end.base);
  const auto add = [&](std::string_view key, std::string_view value) {
    if (loader.rows() % kLoadedBetweenProgress == 0) progress(loader.rows(), about.rows);
    return loader.add(key, value);
  };
  if (const std::optional<ImageError> error = image.read(add)) return fault_of(*error);
  std::variant<Store, std::string> built = std::move(loader).finish(about.end.state_hash);
  if (const auto* reason = std::get_if<std::string>(&built)) {
    return StateFault{StateFault::Kind::kDamaged, BootVerdict::kFits, "the image is damaged: " + *reason};
  }
  return std::move(std::get<Store>(built));
}

}  // namespace

std::string image_path(const std::string& directory) { return directory + "/image.mdb"; }

std::variant<LoadedState, StateFault> load_state(LogDirectory& directory, size_t map_bytes,
                                                 const LoadProgress& progress) {
  const std::string path = image_path(directory.path);
  if (const std::optional<ImageError> error = check_readable(path, map_bytes)) return fault_of(*error);
  std::variant<Image, ImageError> opened = Image::open(path, map_bytes);
  if (const auto* error = std::get_if<ImageError>(&opened)) return fault_of(*error);
  auto& image = std::get<Image>(opened);
  std::variant<std::optional<ImageAbout>, ImageError> read = image.about();
  if (const auto* error = std::get_if<ImageError>(&read)) return fault_of(*error);
  const ImageAbout about = std::get<std::optional<ImageAbout>>(read).value_or(ImageAbout{});
  const ImageOrigin origin{about.incarnation, about.end.base, about.installed};
  Judgement judgement = judge_boot(directory.recovered, origin);
  if (judgement.verdict == BootVerdict::kLogLeftBehind) {
    if (auto failed = begin_log_anew(directory, about.end.base))
      return StateFault{StateFault::Kind::kUnreadable, BootVerdict::kFits, std::move(*failed)};
    judgement = judge_boot(directory.recovered, origin);
  }
  if (judgement.verdict != BootVerdict::kFits) {
    return StateFault{StateFault::Kind::kMisfit, judgement.verdict, std::move(judgement.reason)};
  }
  if (!about.end.base.index) return LoadedState{std::move(image), Store{}};
  std::variant<Store, StateFault> built = build(image, about, progress);
  if (auto* fault = std::get_if<StateFault>(&built)) return std::move(*fault);
  if (about.installed) {
    if (const std::optional<ImageError> error = image.settle(about)) return fault_of(*error);
  }
  return LoadedState{std::move(image), std::move(std::get<Store>(built))};
}

}  // namespace patronus
