"""Looking over the server and its domains: what works, what does not, and what mends it.

`looking.Checkup` is what faces ask; `telling.CheckupMail` tells administrators what changed. Words
for people are made here, as every face shows the same. Nothing is changed by a look.
"""

from mailhub.core.checkup.looking import Checkup
from mailhub.core.checkup.means import Door, Means
from mailhub.core.checkup.telling import CheckupMail

__all__ = ["Checkup", "CheckupMail", "Door", "Means"]
