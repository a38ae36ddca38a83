"""The defaults of the Anima releases, and of a user's own model."""

from anima_prompt.profiles.profile import (
    DEFAULT_PROFILE,
    Profile,
    guess_profile,
    load_profile,
    profile_names,
    profiles,
)

__all__ = ["DEFAULT_PROFILE", "Profile", "guess_profile", "load_profile", "profile_names", "profiles"]
