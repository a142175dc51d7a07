# Runs mailhub from a checkout: twistd -ny tap/mailhub.tac
# MAILHUB_CONFIG and MAILHUB_DATA stand for the options that a .tac file cannot take.

from twisted.application.service import Application

from mailhub.tap import Options, makeService

options = Options()
options.parseOptions([])
application = Application("mailhub")
makeService(options).setServiceParent(application)
