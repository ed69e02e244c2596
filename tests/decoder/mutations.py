"""All mutations: importing the modules registers theirs."""

import mutations_keybag
import mutations_stream
import mutations_vault
from mutation import MUTATIONS

__all__ = ["MUTATIONS", "mutations_keybag", "mutations_stream", "mutations_vault"]
